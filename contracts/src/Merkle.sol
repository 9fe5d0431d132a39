// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Merkle trees of spec/02 §2.1: keccak256 nodes over leaves padded with zeros to a power of two.
/// @dev A root does not bind its count. Whoever stores a root stores the count beside it.
library Merkle {
    error LeafOutOfRange(uint256 index, uint256 count);
    error ProofLengthMismatch(uint256 length, uint256 depth);

    /// @notice The root that `leaf` at `index` of `count` leaves has with these siblings, lowest first.
    /// @dev The index gives each node its side, and the count the only length a proof may have.
    function root(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32 node)
    {
        if (index >= count) revert LeafOutOfRange(index, count);
        uint256 depth = Math.log2(count, Math.Rounding.Ceil);
        if (siblings.length != depth) revert ProofLengthMismatch(siblings.length, depth);
        node = leaf;
        for (uint256 level = 0; level < depth; ++level) {
            bytes32 sibling = siblings[level];
            node = (index >> level) & 1 == 0
                ? Hashes.efficientKeccak256(node, sibling)
                : Hashes.efficientKeccak256(sibling, node);
        }
    }
}
