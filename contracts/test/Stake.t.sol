// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Credits} from "../src/Credits.sol";
import {Stake} from "../src/Stake.sol";
import {Network} from "./Network.sol";

contract StakeTest is Network {
    function test_deposit_activates_at_the_minimum() public {
        vm.startPrank(stranger);
        stake.deposit(MIN_STAKE - 1);
        assertTrue(!stake.isActive(stranger), "not yet active");
        uint256 count = stake.activeCount();
        vm.expectEmit(address(stake));
        emit Stake.StakeDeposited(stranger, 1, MIN_STAKE);
        stake.deposit(1);
        assertTrue(stake.isActive(stranger), "active");
        assertEq(stake.activeCount(), count + 1, "one more");
        stake.deposit(5);
        assertEq(stake.activeCount(), count + 1, "listed once");
        assertEq(token.balanceOf(stranger), FUNDS - MIN_STAKE - 5, "paid");
    }

    function test_deposit_of_nothing_is_refused() public {
        expectRevert(abi.encodeWithSelector(Credits.ZeroAmount.selector));
        stake.deposit(0);
    }

    function test_deposit_without_tokens_is_refused() public {
        address poor = makeAddr("poor");
        vm.prank(poor);
        token.approve(address(stake), 10);
        expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, poor, 0, 10));
        vm.prank(poor);
        stake.deposit(10);
    }

    function test_unbonding_below_the_minimum_deactivates_at_once() public {
        uint64 from = uint64(vm.getBlockNumber()) + UNBONDING;
        vm.expectEmit(address(stake));
        emit Stake.UnbondRequested(worker, 1, 1, from);
        vm.prank(worker);
        stake.requestUnbond(1);
        assertTrue(!stake.isActive(worker), "inactive");
        assertEq(stake.partyOf(worker).unbonding, 1, "unbonding");
        assertEq(bonded(worker), MIN_STAKE - 1, "bonded");
    }

    function test_unbonding_above_the_minimum_stays_active() public {
        bond(worker);
        vm.prank(worker);
        stake.requestUnbond(MIN_STAKE);
        assertTrue(stake.isActive(worker), "active");
    }

    function test_unbonding_more_than_bonded_is_refused() public {
        expectRevert(abi.encodeWithSelector(Stake.NotEnoughBonded.selector, MIN_STAKE + 1, MIN_STAKE));
        vm.prank(worker);
        stake.requestUnbond(MIN_STAKE + 1);
    }

    function test_unbonding_nothing_is_refused() public {
        expectRevert(abi.encodeWithSelector(Credits.ZeroAmount.selector));
        vm.prank(worker);
        stake.requestUnbond(0);
    }

    function test_withdraw_waits_for_exactly_the_unbonding_blocks() public {
        vm.startPrank(worker);
        stake.requestUnbond(MIN_STAKE);
        forward(UNBONDING - 1);
        expectRevert(abi.encodeWithSelector(Stake.StillUnbonding.selector, vm.getBlockNumber() + 1));
        stake.withdraw();
        forward(1);
        vm.expectEmit(address(stake));
        emit Stake.StakeWithdrawn(worker, MIN_STAKE);
        assertEq(stake.withdraw(), MIN_STAKE, "returned");
        assertEq(token.balanceOf(worker), FUNDS, "paid");
        expectRevert(abi.encodeWithSelector(Stake.NothingUnbonding.selector, worker));
        stake.withdraw();
    }

    function test_a_second_request_starts_the_time_again() public {
        vm.startPrank(worker);
        stake.requestUnbond(400);
        forward(UNBONDING - 1);
        stake.requestUnbond(600);
        forward(1);
        expectRevert(abi.encodeWithSelector(Stake.StillUnbonding.selector, vm.getBlockNumber() + UNBONDING - 1));
        stake.withdraw();
        forward(UNBONDING - 1);
        assertEq(stake.withdraw(), MIN_STAKE, "all of it");
    }

    function test_only_settlement_and_court_may_slash_and_only_the_settlement_hold() public {
        bytes memory refused = abi.encodeWithSelector(Stake.NotAllowed.selector, stranger);
        vm.startPrank(stranger);
        expectRevert(refused);
        stake.slash(worker, stranger, stranger);
        expectRevert(refused);
        stake.hold(worker);
        expectRevert(refused);
        stake.release(worker);
        vm.stopPrank();
        expectRevert(abi.encodeWithSelector(Stake.NotAllowed.selector, address(court)));
        vm.prank(address(court));
        stake.hold(worker);
    }

    function test_slashing_shares_the_whole_stake_unbonding_or_not() public {
        vm.prank(worker);
        stake.requestUnbond(300);
        vm.expectEmit(address(stake));
        emit Stake.Slashed(worker, verifier, jurors[0], 1000, 400, 100, 500);
        vm.prank(address(court));
        assertEq(stake.slash(worker, verifier, jurors[0]), 1000, "slashed");
        Stake.Party memory party = stake.partyOf(worker);
        assertEq(party.bonded + party.unbonding + party.withdrawableFrom, 0, "nothing left");
        assertTrue(!stake.isActive(worker), "inactive");
        assertEq(stake.creditOf(verifier), 400, "challenger");
        assertEq(stake.creditOf(jurors[0]), 100, "juror");
        assertEq(token.balanceOf(stake.BURNED()), 500, "burned");
        vm.prank(address(court));
        assertEq(stake.slash(worker, verifier, jurors[0]), 0, "nothing to slash twice");
    }

    function test_slashing_without_a_juror_burns_its_share() public {
        vm.prank(address(settlement));
        stake.slash(worker, verifier, address(0));
        assertEq(stake.creditOf(verifier), 400, "challenger");
        assertEq(token.balanceOf(stake.BURNED()), 600, "burned");
        assertTrue(!stake.isActive(worker), "no longer active");
    }

    function test_a_slashed_party_may_stake_again() public {
        vm.prank(address(court));
        stake.slash(worker, verifier, jurors[0]);
        bond(worker);
        assertTrue(stake.isActive(worker), "active again");
        assertEq(bonded(worker), MIN_STAKE, "bonded");
    }

    function testFuzz_slashing_distributes_exactly_the_stake(uint128 amount, bool withJuror) public {
        amount = uint128(bound(amount, 1, FUNDS - MIN_STAKE));
        vm.prank(stranger);
        stake.deposit(amount);
        uint256 burnedBefore = token.balanceOf(stake.BURNED());
        vm.prank(address(court));
        stake.slash(stranger, verifier, withJuror ? jurors[0] : address(0));
        uint256 burned = token.balanceOf(stake.BURNED()) - burnedBefore;
        uint256 shares = stake.creditOf(verifier) + stake.creditOf(jurors[0]);
        assertEq(shares + burned, amount, "sum");
        assertTrue(2 * burned >= amount, "at least half is burned");
        assertEq(stake.creditOf(address(0)), 0, "nobody is credited nothing");
    }

    function test_credit_is_paid_once() public {
        vm.prank(address(court));
        stake.slash(worker, verifier, jurors[0]);
        uint256 before = token.balanceOf(verifier);
        vm.startPrank(verifier);
        vm.expectEmit(address(stake));
        emit Credits.Withdrawn(verifier, 400);
        assertEq(stake.withdrawCredit(), 400, "returned");
        assertEq(token.balanceOf(verifier), before + 400, "paid");
        expectRevert(abi.encodeWithSelector(Credits.NothingToWithdraw.selector, verifier));
        stake.withdrawCredit();
    }
}
