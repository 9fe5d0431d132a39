// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Whole Merkle trees, the plain way of spec/02 §2.1: pad with zeros, hash level by level.
library MerkleTree {
    function rootOf(bytes32[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory level = _pad(leaves);
        while (level.length > 1) level = _up(level);
        return level[0];
    }

    function siblingsOf(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory siblings) {
        bytes32[] memory level = _pad(leaves);
        uint256 depth = 0;
        while (2 ** depth < level.length) ++depth;
        siblings = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            siblings[i] = level[index ^ 1];
            level = _up(level);
            index /= 2;
        }
    }

    function _pad(bytes32[] memory leaves) private pure returns (bytes32[] memory padded) {
        uint256 width = 1;
        while (width < leaves.length) width *= 2;
        padded = new bytes32[](width);
        for (uint256 i = 0; i < leaves.length; ++i) {
            padded[i] = leaves[i];
        }
    }

    function _up(bytes32[] memory level) private pure returns (bytes32[] memory up) {
        up = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < up.length; ++i) {
            up[i] = keccak256(bytes.concat(level[2 * i], level[2 * i + 1]));
        }
    }
}
