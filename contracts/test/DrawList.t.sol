// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DrawList} from "../src/DrawList.sol";
import {Assertions} from "./Assertions.sol";

/// @notice The library behind external functions, so that reverts can be expected.
contract Lists {
    using DrawList for DrawList.List;

    DrawList.List private _list;

    function add(address party) external {
        _list.add(party);
    }

    function remove(address party) external {
        _list.remove(party);
    }

    function contains(address party) external view returns (bool) {
        return _list.contains(party);
    }

    function length() external view returns (uint256) {
        return _list.length();
    }

    function draw(bytes32 seed, uint256 blockNumber, address[] calldata excluded) external view returns (address) {
        return _list.draw(seed, blockNumber, excluded);
    }
}

contract DrawListTest is Assertions {
    Lists private lists;

    function setUp() public {
        vm.roll(100);
        lists = new Lists();
    }

    function party(uint256 number) private pure returns (address) {
        return address(uint160(0x1000 + number));
    }

    function fill(uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            lists.add(party(i));
        }
    }

    function excludeFirst(uint256 count) private pure returns (address[] memory excluded) {
        excluded = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            excluded[i] = party(i);
        }
    }

    function seedOf(uint256 number) private pure returns (bytes32) {
        return keccak256(abi.encode(number));
    }

    function test_an_empty_list_draws_nobody() public view {
        assertEq(lists.draw(seedOf(0), 100, new address[](0)), address(0), "nobody");
    }

    function test_adding_or_removing_twice_does_nothing() public {
        fill(2);
        lists.add(party(0));
        assertEq(lists.length(), 2, "once");
        lists.remove(party(0));
        lists.remove(party(0));
        assertEq(lists.length(), 1, "one left");
        assertTrue(lists.contains(party(1)), "the other one");
    }

    /// Everyone else is excluded, so that only a draw that tries everyone finds the one.
    function testFuzz_the_only_eligible_party_is_always_found(uint256 seed, uint256 size) public {
        size = bound(size, 1, DrawList.MAX_EXCLUDED + 1);
        fill(size);
        assertEq(lists.draw(bytes32(seed), 100, excludeFirst(size - 1)), party(size - 1), "found");
    }

    function testFuzz_a_draw_gives_a_member_that_is_not_excluded(uint256 seed, uint256 size, uint256 barred) public {
        size = bound(size, 1, 40);
        barred = bound(barred, 0, size <= DrawList.MAX_EXCLUDED ? size - 1 : DrawList.MAX_EXCLUDED);
        fill(size);
        uint256 number = uint256(uint160(lists.draw(bytes32(seed), 100, excludeFirst(barred)))) - 0x1000;
        assertTrue(number >= barred && number < size, "eligible");
    }

    /// 1,200 draws among 3 of 5: 400 expected each, standard deviation 16.
    function test_every_eligible_party_has_the_same_chance() public {
        fill(5);
        uint256[5] memory drawn;
        for (uint256 i = 0; i < 1200; ++i) {
            ++drawn[uint256(uint160(lists.draw(seedOf(i), 100, excludeFirst(2)))) - 0x1000];
        }
        for (uint256 i = 2; i < 5; ++i) {
            assertTrue(drawn[i] > 320 && drawn[i] < 480, "within five standard deviations");
        }
    }

    function test_too_many_excluded_are_refused() public {
        fill(10);
        expectRevert(abi.encodeWithSelector(DrawList.TooManyExcluded.selector, 6, 5));
        lists.draw(seedOf(0), 100, excludeFirst(6));
    }

    /// The attack: see the hash, then join with as many parties as it takes until one is drawn.
    function testFuzz_joining_after_the_block_does_not_change_the_draw(uint256 seed, uint256 joining) public {
        fill(7);
        address before = lists.draw(bytes32(seed), 100, excludeFirst(2));
        vm.roll(101);
        joining = bound(joining, 1, 20);
        for (uint256 i = 0; i < joining; ++i) {
            lists.add(party(100 + i));
        }
        assertEq(lists.draw(bytes32(seed), 100, excludeFirst(2)), before, "the same");
    }

    /// The attack: see the hash, then leave with some of one's parties until another one is drawn.
    function testFuzz_leaving_after_the_block_changes_only_the_draw_of_who_left(uint256 seed, uint256 leaving) public {
        fill(7);
        address before = lists.draw(bytes32(seed), 100, new address[](0));
        address left = party(bound(leaving, 0, 6));
        vm.roll(101);
        lists.remove(left);
        address after_ = lists.draw(bytes32(seed), 100, new address[](0));
        assertTrue(after_ != left, "who left is not drawn");
        if (before != left) assertEq(after_, before, "the same");
    }

    function test_a_draw_in_which_everyone_has_left_finds_nobody() public {
        fill(3);
        vm.roll(101);
        for (uint256 i = 0; i < 3; ++i) {
            lists.remove(party(i));
        }
        lists.add(party(9));
        assertEq(lists.draw(seedOf(1), 100, new address[](0)), address(0), "nobody");
    }

    /// Against a plain array: any sequence of joining and leaving.
    function testFuzz_the_list_holds_who_joined_and_has_not_left(uint256[24] calldata actions) public {
        bool[8] memory inside;
        uint256 count = 0;
        for (uint256 i = 0; i < actions.length; ++i) {
            uint256 number = actions[i] % 8;
            bool joins = (actions[i] >> 8) % 3 != 0;
            if (inside[number] != joins) count = joins ? count + 1 : count - 1;
            inside[number] = joins;
            if (joins) lists.add(party(number));
            else lists.remove(party(number));
            vm.roll(101 + i / 2);
        }
        assertEq(lists.length(), count, "length");
        bool[8] memory drawn;
        for (uint256 i = 0; i < 160; ++i) {
            address found = lists.draw(seedOf(i), vm.getBlockNumber(), new address[](0));
            if (found != address(0)) drawn[uint256(uint160(found)) - 0x1000] = true;
        }
        for (uint256 i = 0; i < 8; ++i) {
            assertTrue(lists.contains(party(i)) == inside[i], "contains");
            assertTrue(inside[i] == drawn[i], "members and nobody else are drawn");
        }
    }
}
