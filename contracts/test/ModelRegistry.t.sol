// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ModelRegistry} from "../src/ModelRegistry.sol";
import {Assertions} from "./Assertions.sol";

contract ModelRegistryTest is Assertions {
    bytes32 private constant ROOT = keccak256("program");

    ModelRegistry private registry = new ModelRegistry();

    function test_registering() public {
        vm.expectEmit(address(registry));
        emit ModelRegistry.ModelRegistered(ROOT, address(this), "tiny-1.0/int_8");
        registry.register(ROOT, "tiny-1.0/int_8");
        assertEq(registry.programOf("tiny-1.0/int_8"), ROOT, "by name");
        ModelRegistry.Model memory model = registry.modelOf(ROOT);
        assertEq(model.registrant, address(this), "registrant");
        assertEq(model.registeredAt, vm.getBlockNumber(), "block");
        assertEq(keccak256(bytes(model.name)), keccak256("tiny-1.0/int_8"), "name");
    }

    function test_nothing_is_registered_twice() public {
        registry.register(ROOT, "tiny");
        expectRevert(abi.encodeWithSelector(ModelRegistry.RootTaken.selector, ROOT));
        registry.register(ROOT, "other");
        expectRevert(abi.encodeWithSelector(ModelRegistry.NameTaken.selector, "tiny", ROOT));
        registry.register(keccak256("another program"), "tiny");
    }

    function test_the_zero_root_is_refused() public {
        expectRevert(abi.encodeWithSelector(ModelRegistry.RootInvalid.selector));
        registry.register(0, "zero");
    }

    function test_names_have_one_case_and_at_most_64_bytes() public {
        string memory longest = "0123456789012345678901234567890123456789012345678901234567890123";
        string[7] memory wrong = ["", "Tiny", "ti ny", "tiny\n", "t\x00", unicode"tіny", string.concat(longest, "4")];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectRevert(abi.encodeWithSelector(ModelRegistry.NameInvalid.selector, wrong[i]));
            registry.register(ROOT, wrong[i]);
        }
        registry.register(ROOT, longest);
    }

    function testFuzz_each_byte_is_either_in_the_set_or_refused(bytes1 c) public {
        bytes memory set = "abcdefghijklmnopqrstuvwxyz0123456789._-/";
        bool allowed = false;
        for (uint256 i = 0; i < set.length; ++i) {
            if (set[i] == c) allowed = true;
        }
        string memory name = string(bytes.concat("a", c));
        if (!allowed) expectRevert(abi.encodeWithSelector(ModelRegistry.NameInvalid.selector, name));
        registry.register(ROOT, name);
    }
}
