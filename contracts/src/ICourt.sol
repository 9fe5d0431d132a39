// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A challenged receipt, after the settlement has checked both signatures.
/// @dev The rival values are what the challenger says the program gives.
struct Dispute {
    bytes32 orderHash;
    bytes32 receiptHash;
    address client;
    address worker;
    address challenger;
    bytes32 rivalTraceRoot;
    bytes32 rivalOutputCommitment;
}

/// @notice Decides disputes. For each that it opens it must call `Settlement.resolve` exactly once.
interface ICourt {
    /// @notice Opens a case; takes the bond from `dispute.challenger`, who has approved it to the court.
    /// @dev The settlement only.
    function open(Dispute calldata dispute) external returns (uint256 caseId);

    /// @notice The most blocks that a case can take when anyone acts at each deadline.
    function longestCase() external view returns (uint64);
}
