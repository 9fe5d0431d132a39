// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Merkle} from "../src/Merkle.sol";
import {Assertions} from "./Assertions.sol";
import {MerkleTree} from "./MerkleTree.sol";

contract MerkleTest is Assertions {
    function root(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata siblings)
        external
        pure
        returns (bytes32)
    {
        return Merkle.root(leaf, index, count, siblings);
    }

    /// vectors/merkle.json, made by another implementation.
    function test_agrees_with_the_vectors() public view {
        string memory json = vm.readFile("vectors/merkle.json");
        uint256 cases = 0;
        for (string memory path = ".cases[0]"; vm.keyExistsJson(json, path);) {
            bytes32[] memory leaves = vm.parseJsonBytes32Array(json, string.concat(path, ".leaves"));
            bytes32 expected = vm.parseJsonBytes32(json, string.concat(path, ".root"));
            assertEq(leaves.length, vm.parseJsonUint(json, string.concat(path, ".count")), "count");
            assertEq(MerkleTree.rootOf(leaves), expected, "the tests' own tree");
            for (uint256 i = 0; i < leaves.length; ++i) {
                string memory place = string.concat(path, ".siblings[", vm.toString(i), "]");
                bytes32[] memory siblings = vm.parseJsonBytes32Array(json, place);
                assertEq(this.root(leaves[i], i, leaves.length, siblings), expected, "root");
            }
            path = string.concat(".cases[", vm.toString(++cases), "]");
        }
        assertEq(cases, 7, "cases");
    }

    function testFuzz_every_leaf_leads_to_the_root(uint256 count, uint256 seed) public view {
        count = bound(count, 1, 40);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
        bytes32 expected = MerkleTree.rootOf(leaves);
        for (uint256 i = 0; i < count; ++i) {
            assertEq(this.root(leaves[i], i, count, MerkleTree.siblingsOf(leaves, i)), expected, "root");
        }
    }

    function testFuzz_another_leaf_or_place_leads_elsewhere(uint256 index, uint256 other, bytes32 leaf) public view {
        bytes32[] memory leaves = new bytes32[](13);
        for (uint256 i = 0; i < 13; ++i) {
            leaves[i] = keccak256(abi.encode(i));
        }
        index = bound(index, 0, 12);
        other = bound(other, 0, 12);
        bytes32[] memory siblings = MerkleTree.siblingsOf(leaves, index);
        bytes32 expected = MerkleTree.rootOf(leaves);
        if (leaf != leaves[index]) assertTrue(this.root(leaf, index, 13, siblings) != expected, "leaf");
        if (other != index) assertTrue(this.root(leaves[index], other, 13, siblings) != expected, "place");
    }

    /// An inner node cannot pass as a leaf: the count fixes the length of the path.
    function test_attack_inner_node_as_leaf() public {
        bytes32[] memory leaves = new bytes32[](4);
        bytes32[] memory siblings = new bytes32[](1);
        bytes32 inner = keccak256(bytes.concat(leaves[0], leaves[1]));
        siblings[0] = inner;
        expectRevert(abi.encodeWithSelector(Merkle.ProofLengthMismatch.selector, 1, 2));
        this.root(inner, 0, 4, siblings);
    }

    function testFuzz_the_index_is_below_the_count(uint256 index, uint256 count) public {
        count = bound(count, 0, type(uint32).max);
        vm.assume(index >= count);
        expectRevert(abi.encodeWithSelector(Merkle.LeafOutOfRange.selector, index, count));
        this.root(0, index, count, new bytes32[](0));
    }
}
