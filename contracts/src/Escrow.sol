// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Voucher} from "./AssayTypes.sol";
import {Terms, TermsChecks} from "./Terms.sol";

/// @notice Payment channels (spec/04 §4.3): what one client has set aside for one worker. Vouchers and
/// published receipts move money from the channel to the worker; what is left is the client's.
/// @dev No reentrancy guard: every function changes its state before it calls the token.
contract Escrow {
    using SafeERC20 for IERC20;
    using TermsChecks for Terms;

    /// @dev Amounts are base units. `paid` is what the worker has had for the orders with a sequence below
    /// `settledBelow`, which are settled: vouchers are cumulative. `ahead` is what it has had for published
    /// receipts that no voucher covers yet, of orders from `aheadFrom` to below `aheadBelow`.
    /// `withdrawableFrom` is the block from which the client can take the balance back, zero without a
    /// request; `payableFrom` the block from which the worker is paid again after a failed challenge.
    /// `holds` counts the channel's contested receipts. `forfeited`: the worker was found at fraud in one of
    /// them, and is never paid from here again.
    struct Channel {
        uint128 balance;
        uint128 paid;
        uint64 settledBelow;
        uint64 withdrawableFrom;
        uint64 payableFrom;
        uint32 holds;
        bool forfeited;
        uint128 ahead;
        uint64 aheadFrom;
        uint64 aheadBelow;
    }

    IERC20 public immutable token;
    uint64 public immutable withdrawBlocks;
    uint64 public immutable windowBlocks;
    address public immutable settlement;

    mapping(address client => mapping(address worker => Channel)) private _channels;

    event ChannelDeposited(address indexed client, address indexed worker, uint256 amount, uint256 balance);
    event ChannelWithdrawRequested(address indexed client, address indexed worker, uint64 withdrawableFrom);
    event ChannelWithdrawn(address indexed client, address indexed worker, uint256 amount);
    event ChannelForfeited(address indexed client, address indexed worker, uint256 balance);
    event VoucherRedeemed(
        address indexed client, address indexed worker, uint64 settledBelow, uint256 amount, uint256 paid
    );

    error ZeroAmount();
    error ChannelTooSmall(address client, address worker, uint256 needed, uint256 balance);
    error ChannelEmpty(address client, address worker);
    error ChannelIsForfeited(address client, address worker);
    error ChannelNotPayable(uint64 payableFrom);
    error WithdrawNotRequested(address client, address worker);
    error WithdrawTooEarly(uint64 withdrawableFrom);
    error HeldByChallenge(uint64 holds);
    error NotAllowed(address caller);

    constructor(Terms memory terms, address settlement_) {
        terms.check();
        token = terms.token;
        withdrawBlocks = terms.withdrawBlocks;
        windowBlocks = terms.windowBlocks;
        settlement = settlement_;
    }

    modifier onlySettlement() {
        if (msg.sender != settlement) revert NotAllowed(msg.sender);
        _;
    }

    /// @notice Adds `amount` base units to the caller's channel to `worker`.
    /// @dev Takes back a request to withdraw: a channel that is filled is open.
    function deposit(address worker, uint128 amount) external {
        if (amount == 0) revert ZeroAmount();
        Channel storage channel = _channels[msg.sender][worker];
        if (channel.forfeited) revert ChannelIsForfeited(msg.sender, worker);
        channel.balance += amount;
        channel.withdrawableFrom = 0;
        emit ChannelDeposited(msg.sender, worker, amount, channel.balance);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Starts to close the caller's channel to `worker`, who has `withdrawBlocks` to be paid.
    /// @dev A worker takes no further order on such a channel. Asking again starts the time again.
    function requestWithdraw(address worker) external {
        Channel storage channel = _channels[msg.sender][worker];
        if (channel.balance == 0) revert ChannelEmpty(msg.sender, worker);
        channel.withdrawableFrom = uint64(block.number) + withdrawBlocks;
        emit ChannelWithdrawRequested(msg.sender, worker, channel.withdrawableFrom);
    }

    /// @notice Pays the caller what is left in its channel to `worker`; of a forfeited one without a request.
    function withdraw(address worker) external returns (uint256 amount) {
        Channel storage channel = _channels[msg.sender][worker];
        if (!channel.forfeited) {
            if (channel.withdrawableFrom == 0) revert WithdrawNotRequested(msg.sender, worker);
            if (block.number < channel.withdrawableFrom) revert WithdrawTooEarly(channel.withdrawableFrom);
        }
        if (channel.holds != 0) revert HeldByChallenge(channel.holds);
        amount = channel.balance;
        if (amount == 0) revert ChannelEmpty(msg.sender, worker);
        channel.balance = 0;
        channel.withdrawableFrom = 0;
        emit ChannelWithdrawn(msg.sender, worker, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @notice Pays `worker` what vouchers grant beyond what it has had from their channels. A channel that is
    /// held, forfeited or not payable yet is left out, one that is too small pays what it has: the same
    /// voucher pays the rest later.
    /// @dev The settlement has checked that the vouchers are the clients', and name this worker.
    /// @return sum Base units paid, possibly none.
    function redeem(address worker, Voucher[] calldata vouchers) external onlySettlement returns (uint256 sum) {
        for (uint256 i = 0; i < vouchers.length; ++i) {
            sum += _redeem(worker, vouchers[i]);
        }
        if (sum != 0) token.safeTransfer(worker, sum);
    }

    function _redeem(address worker, Voucher calldata voucher) private returns (uint256 due) {
        Channel storage channel = _channels[voucher.client][worker];
        if (channel.holds != 0 || channel.forfeited || block.number < channel.payableFrom) return 0;
        if (voucher.settledBelow > channel.settledBelow) channel.settledBelow = voucher.settledBelow;
        uint256 counted = _count(channel, voucher.settledBelow);
        if (voucher.amount > counted) {
            due = voucher.amount - counted;
            uint128 balance = channel.balance;
            if (due > balance) due = balance;
            // Neither cast truncates: `due` is at most `balance`, and below the voucher's amount.
            channel.balance = balance - uint128(due);
            channel.paid += uint128(due);
        }
        emit VoucherRedeemed(voucher.client, worker, voucher.settledBelow, voucher.amount, due);
    }

    /// @dev What the worker has had already of what a voucher below `settledBelow` grants. Published receipts
    /// count where it covers them. Where it covers some and others not, all count: the client never pays
    /// twice, and the next voucher that covers them all makes up for it.
    function _count(Channel storage channel, uint64 settledBelow_) private returns (uint256) {
        (uint128 paid, uint128 ahead) = (channel.paid, channel.ahead);
        if (channel.aheadBelow == 0 || settledBelow_ <= channel.aheadFrom) return paid;
        if (settledBelow_ >= channel.aheadBelow) {
            channel.paid = paid + ahead;
            (channel.ahead, channel.aheadFrom, channel.aheadBelow) = (0, 0, 0);
        }
        return uint256(paid) + ahead;
    }

    /// @notice Pays `worker` the price of one published receipt, of an order that is not settled.
    /// @dev Reverts where the channel cannot pay now; the receipt stays payable.
    function payReceipt(address client, address worker, uint64 sequence, uint128 amount) external onlySettlement {
        Channel storage channel = _channels[client][worker];
        if (channel.forfeited) revert ChannelIsForfeited(client, worker);
        if (channel.holds != 0) revert HeldByChallenge(channel.holds);
        if (block.number < channel.payableFrom) revert ChannelNotPayable(channel.payableFrom);
        uint128 balance = channel.balance;
        if (amount > balance) revert ChannelTooSmall(client, worker, amount, balance);
        channel.balance = balance - amount;
        // Counts against the vouchers that cover this order, and against no other.
        channel.ahead += amount;
        if (channel.aheadBelow == 0 || sequence < channel.aheadFrom) channel.aheadFrom = sequence;
        if (sequence >= channel.aheadBelow) channel.aheadBelow = sequence + 1;
        token.safeTransfer(worker, amount);
    }

    /// @notice Keeps the channel's money here while one of its receipts is contested.
    /// @dev Without this a client could contest, through a confederate, what it wants to withdraw, and a
    /// worker could redeem in the meantime what it is about to lose.
    function hold(address client, address worker) external onlySettlement {
        _channels[client][worker].holds += 1;
    }

    /// @notice Ends one hold without fraud. Others have one window to challenge before the worker is paid, and
    /// the worker another one to get its pay before the client withdraws.
    function release(address client, address worker) external onlySettlement {
        Channel storage channel = _channels[client][worker];
        channel.holds -= 1;
        channel.payableFrom = uint64(block.number) + windowBlocks;
        uint64 earliest = uint64(block.number) + 2 * windowBlocks;
        if (channel.withdrawableFrom != 0 && channel.withdrawableFrom < earliest) {
            channel.withdrawableFrom = earliest;
        }
    }

    /// @notice The worker was found at fraud: what is left in the channel is the client's.
    /// @param held Whether the case held the channel.
    function forfeit(address client, address worker, bool held) external onlySettlement {
        Channel storage channel = _channels[client][worker];
        if (held) channel.holds -= 1;
        if (channel.forfeited) return;
        channel.forfeited = true;
        emit ChannelForfeited(client, worker, channel.balance);
    }

    function channelOf(address client, address worker) external view returns (Channel memory) {
        return _channels[client][worker];
    }

    /// @notice Orders of this channel with a sequence below this one are settled; the largest number when it
    /// is forfeited: nothing of it is open any more.
    function settledBelow(address client, address worker) external view returns (uint64) {
        Channel storage channel = _channels[client][worker];
        return channel.forfeited ? type(uint64).max : channel.settledBelow;
    }
}
