// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Credits} from "./Credits.sol";
import {Terms, TermsChecks} from "./Terms.sol";

/// @notice Payment channels (spec/04 §4.3): what one client has set aside for one worker. A claimed
/// receipt moves its price from the channel to the worker's credit.
contract Escrow is Credits {
    using SafeERC20 for IERC20;
    using TermsChecks for Terms;

    /// @dev `balance` is base units. `withdrawableFrom` is the block from which the client can take it
    /// back, zero without a request. `holds` counts the channel's contested receipts.
    struct Channel {
        uint128 balance;
        uint64 withdrawableFrom;
        uint64 holds;
    }

    uint64 public immutable withdrawBlocks;
    uint64 public immutable windowBlocks;
    address public immutable settlement;

    mapping(address client => mapping(address worker => Channel)) private _channels;

    event ChannelDeposited(address indexed client, address indexed worker, uint256 amount, uint256 balance);
    event ChannelWithdrawRequested(address indexed client, address indexed worker, uint64 withdrawableFrom);
    event ChannelWithdrawn(address indexed client, address indexed worker, uint256 amount);

    error ChannelTooSmall(address client, address worker, uint256 needed, uint256 balance);
    error ChannelEmpty(address client, address worker);
    error WithdrawNotRequested(address client, address worker);
    error WithdrawTooEarly(uint64 withdrawableFrom);
    error HeldByChallenge(uint64 holds);
    error NotAllowed(address caller);

    constructor(Terms memory terms, address settlement_) Credits(terms.token) {
        terms.check();
        withdrawBlocks = terms.withdrawBlocks;
        windowBlocks = terms.windowBlocks;
        settlement = settlement_;
    }

    /// @notice Adds `amount` base units to the caller's channel to `worker`.
    /// @dev Takes back a request to withdraw: a channel that is filled is open.
    function deposit(address worker, uint128 amount) external {
        if (amount == 0) revert ZeroAmount();
        Channel storage channel = _channels[msg.sender][worker];
        channel.balance += amount;
        channel.withdrawableFrom = 0;
        emit ChannelDeposited(msg.sender, worker, amount, channel.balance);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Starts to close the caller's channel to `worker`, who has `withdrawBlocks` to claim.
    /// @dev A worker takes no further order on such a channel. Asking again starts the time again.
    function requestWithdraw(address worker) external {
        Channel storage channel = _channels[msg.sender][worker];
        if (channel.balance == 0) revert ChannelEmpty(msg.sender, worker);
        channel.withdrawableFrom = uint64(block.number) + withdrawBlocks;
        emit ChannelWithdrawRequested(msg.sender, worker, channel.withdrawableFrom);
    }

    /// @notice Pays the caller what is left in its channel to `worker`.
    function withdraw(address worker) external returns (uint256 amount) {
        Channel storage channel = _channels[msg.sender][worker];
        if (channel.withdrawableFrom == 0) revert WithdrawNotRequested(msg.sender, worker);
        if (channel.holds != 0) revert HeldByChallenge(channel.holds);
        if (block.number < channel.withdrawableFrom) revert WithdrawTooEarly(channel.withdrawableFrom);
        amount = channel.balance;
        if (amount == 0) revert ChannelEmpty(msg.sender, worker);
        channel.balance = 0;
        channel.withdrawableFrom = 0;
        emit ChannelWithdrawn(msg.sender, worker, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @notice Moves the price of a claimed receipt to the worker's credit.
    /// @dev Reverts where the channel is too small; the receipt stays claimable after the client has paid in.
    function debit(address client, address worker, uint128 amount) external {
        if (msg.sender != settlement) revert NotAllowed(msg.sender);
        Channel storage channel = _channels[client][worker];
        uint128 balance = channel.balance;
        if (amount > balance) revert ChannelTooSmall(client, worker, amount, balance);
        unchecked {
            channel.balance = balance - amount;
        }
        _credit(worker, amount);
    }

    /// @notice Keeps the channel's money here while one of its receipts is contested.
    /// @dev Without this a client could contest, through a confederate, what it wants to withdraw.
    function hold(address client, address worker) external {
        if (msg.sender != settlement) revert NotAllowed(msg.sender);
        _channels[client][worker].holds += 1;
    }

    /// @notice Ends one hold. The worker keeps one window to wait and one to claim.
    function release(address client, address worker) external {
        if (msg.sender != settlement) revert NotAllowed(msg.sender);
        Channel storage channel = _channels[client][worker];
        channel.holds -= 1;
        uint64 earliest = uint64(block.number) + 2 * windowBlocks;
        if (channel.withdrawableFrom != 0 && channel.withdrawableFrom < earliest) {
            channel.withdrawableFrom = earliest;
        }
    }

    function channelOf(address client, address worker) external view returns (Channel memory) {
        return _channels[client][worker];
    }
}
