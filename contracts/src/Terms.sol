// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice What a deployment fixes for ever. Amounts are base units of `token`, times are blocks.
/// @dev The token must move exactly the amount asked: no fee on transfer, no rebasing.
struct Terms {
    IERC20 token;
    uint128 minStake;
    uint128 bond;
    uint64 windowBlocks;
    uint64 unbondingBlocks;
    uint64 withdrawBlocks;
    uint64 rulingBlocks;
}

/// @dev Jurors that may stay silent, one after the other, before a challenge is dismissed (spec/04 §4.7).
uint8 constant SEATS = 3;

/// @dev blockhash knows the latest 256 blocks.
uint64 constant BLOCKHASH_BLOCKS = 256;

/// @dev A published receipt, which its client may see for the first time, waits this many windows.
uint64 constant PUBLICATION_WINDOWS = 4;

/// @notice The relations between the terms that the other rules rely on.
library TermsChecks {
    error TermMissing();
    error UnbondingTooShort(uint64 unbondingBlocks, uint64 longerThan);
    error WithdrawalTooShort(uint64 withdrawBlocks, uint64 atLeast);

    /// @notice Blocks within which a juror must be drawn once the deciding block is known.
    function drawBlocks(Terms memory terms) internal pure returns (uint64) {
        return terms.rulingBlocks < BLOCKHASH_BLOCKS ? terms.rulingBlocks : BLOCKHASH_BLOCKS;
    }

    /// @notice The longest a case can take when anyone acts at each deadline: per seat the deciding
    /// block, the time to draw, the time to rule and the block after it.
    function longestCase(Terms memory terms) internal pure returns (uint64) {
        return SEATS * (drawBlocks(terms) + terms.rulingBlocks + 2);
    }

    /// @notice Blocks that a published receipt can be challenged before it is paid.
    function publicationBlocks(Terms memory terms) internal pure returns (uint64) {
        return PUBLICATION_WINDOWS * terms.windowBlocks;
    }

    /// @notice Reverts unless stake outlives publication and case, and a worker has time to see a request to
    /// withdraw, publish, wait and claim.
    function check(Terms memory terms) internal pure {
        if (
            address(terms.token) == address(0) || terms.minStake == 0 || terms.bond == 0 || terms.windowBlocks == 0
                || terms.rulingBlocks == 0
        ) revert TermMissing();
        uint64 slashable = publicationBlocks(terms) + longestCase(terms);
        if (terms.unbondingBlocks <= slashable) revert UnbondingTooShort(terms.unbondingBlocks, slashable);
        uint64 claimable = publicationBlocks(terms) + 2 * terms.windowBlocks;
        if (terms.withdrawBlocks < claimable) revert WithdrawalTooShort(terms.withdrawBlocks, claimable);
    }
}
