// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Escrow} from "../src/Escrow.sol";
import {JuryCourt} from "../src/JuryCourt.sol";
import {Settlement} from "../src/Settlement.sol";
import {Stake} from "../src/Stake.sol";
import {Assertions} from "./Assertions.sol";

/// @notice What should be the case: the parties, their orders and vouchers, and the books of each channel, kept
/// without the contracts' code. From it follows whether a payment, challenge or proof may succeed, and what it moves.
abstract contract Model is Assertions {
    uint256 public constant PARTIES = 8;
    uint256 internal constant CLIENTS = 2;
    uint256 internal constant WORKERS = 2;

    /// @dev What the model knows of one order. `payableFrom` is zero until the receipt is published; `covered`: it
    /// was paid so, and a voucher that covers it was redeemed since.
    struct Work {
        Order order;
        bytes orderSignature;
        Receipt receipt;
        bytes receiptSignature;
        uint256 payableFrom;
        uint256 caseId;
        bool paid;
        bool covered;
        bool void;
    }

    /// @dev A voucher that a worker has posted. `from` is zero until then.
    struct Grant {
        Voucher voucher;
        bytes signature;
        uint256 from;
        bool redeemed;
    }

    /// @dev What the model knows of one channel: all that its client has put in and taken out, what the worker
    /// has had, and until when it waits.
    struct Ledger {
        uint256 deposited;
        uint256 withdrawn;
        uint256 paid;
        uint64 settledBelow;
        uint256 holds;
        uint256 payableFrom;
        bool forfeited;
        uint64 sequences;
    }

    Stake public immutable stake;
    Escrow public immutable escrow;
    Settlement public immutable settlement;
    JuryCourt public immutable court;
    IERC20 public immutable token;

    address[PARTIES] internal _parties;
    Work[] internal _works;
    Grant[] internal _grants;
    mapping(address client => mapping(address worker => Ledger)) internal _ledgers;
    mapping(uint256 caseId => uint256 workIndex) internal _workOf;
    uint256[] internal _openCases;

    uint256 public burned;
    uint256 public slashed;
    uint256 public slashDistributed;
    uint256 public tokensIn;
    mapping(string outcome => uint256 times) public reached;

    constructor(Settlement settlement_, IERC20 token_) {
        settlement = settlement_;
        stake = settlement_.stake();
        escrow = settlement_.escrow();
        court = JuryCourt(address(settlement_.court()));
        token = token_;
        for (uint256 i = 0; i < PARTIES; ++i) {
            _parties[i] = vm.addr(keyOf(i));
        }
    }

    /// @dev Parties 0 and 1 are clients, 2 and 3 workers, the others verifiers; any may stake.
    function keyOf(uint256 party) public pure returns (uint256) {
        return 0xA55A1 + party;
    }

    function partyAt(uint256 party) public view returns (address) {
        return _parties[party];
    }

    function workCount() external view returns (uint256) {
        return _works.length;
    }

    function workAt(uint256 index) external view returns (Work memory) {
        return _works[index];
    }

    function ledgerOf(address client, address worker) external view returns (Ledger memory) {
        return _ledgers[client][worker];
    }

    /// @dev The most that this client has agreed to: what one redeemed voucher grants for the orders that it
    /// covers, and beside it the published receipts of the others.
    function agreed(address client, address worker) external view returns (uint256 most) {
        most = _publishedFrom(client, worker, 0);
        for (uint256 i = 0; i < _grants.length; ++i) {
            Voucher storage voucher = _grants[i].voucher;
            if (!_grants[i].redeemed || voucher.client != client || voucher.worker != worker) continue;
            uint256 sum = voucher.amount + _publishedFrom(client, worker, voucher.settledBelow);
            if (sum > most) most = sum;
        }
    }

    function _publishedFrom(address client, address worker, uint64 sequence) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < _works.length; ++i) {
            Order storage order = _works[i].order;
            bool counts = order.client == client && order.worker == worker && order.sequence >= sequence;
            if (counts && _works[i].paid) sum += _works[i].receipt.price;
        }
    }

    function openCases() external view returns (uint256[] memory) {
        return _openCases;
    }

    /// @dev The model of one redemption.
    function _redeemed(Grant storage one) internal returns (uint256 due) {
        Voucher storage voucher = one.voucher;
        Ledger storage ledger = _ledgers[voucher.client][voucher.worker];
        if (ledger.holds != 0 || ledger.forfeited || vm.getBlockNumber() < ledger.payableFrom) {
            ++reached["voucher held"];
            return 0;
        }
        one.redeemed = true;
        uint256 counted = _counted(voucher, ledger);
        if (voucher.amount > counted) due = voucher.amount - counted;
        if (due > _balance(ledger)) due = _balance(ledger);
        ledger.paid += due;
        if (voucher.settledBelow > ledger.settledBelow) ledger.settledBelow = voucher.settledBelow;
        if (due > 0) ++reached["voucher redeemed"];
    }

    /// @dev What the worker has had already of what this voucher grants: all by earlier ones, and what was
    /// published if the voucher covers any of it.
    function _counted(Voucher storage voucher, Ledger storage ledger) internal returns (uint256) {
        uint256 ahead = 0;
        bool any = false;
        bool all = true;
        for (uint256 i = 0; i < _works.length; ++i) {
            if (!_isAhead(_works[i], voucher)) continue;
            ahead += _works[i].receipt.price;
            if (_works[i].order.sequence < voucher.settledBelow) any = true;
            else all = false;
        }
        for (uint256 i = 0; all && i < _works.length; ++i) {
            if (_isAhead(_works[i], voucher)) _works[i].covered = true;
        }
        if (ahead > 0) ++reached[!any ? "published ahead" : all ? "published covered" : "published in part"];
        return any ? ledger.paid : ledger.paid - ahead;
    }

    function _isAhead(Work storage one, Voucher storage voucher) internal view returns (bool) {
        return one.paid && !one.covered && one.order.client == voucher.client && one.order.worker == voucher.worker;
    }

    function _balance(Ledger storage ledger) internal view returns (uint256) {
        return ledger.deposited - ledger.withdrawn - ledger.paid;
    }

    function _isUnpaid(Work storage one) internal view returns (bool) {
        return _isUnsettled(one) && one.caseId == 0;
    }

    function _isUnsettled(Work storage one) internal view returns (bool) {
        Ledger storage ledger = _ledgers[one.order.client][one.order.worker];
        return !one.paid && !one.void && !ledger.forfeited && one.order.sequence >= ledger.settledBelow;
    }

    function _forfeit(Work storage one) internal {
        Ledger storage ledger = _ledgers[one.order.client][one.order.worker];
        if (!ledger.forfeited) ++reached["forfeited"];
        ledger.forfeited = true;
    }

    /// @dev A case ended without fraud.
    function _release(Work storage one) internal {
        Ledger storage ledger = _ledgers[one.order.client][one.order.worker];
        uint256 earliest = vm.getBlockNumber() + settlement.windowBlocks();
        --ledger.holds;
        ledger.payableFrom = earliest;
        if (!one.void && one.payableFrom != 0 && one.payableFrom < earliest) one.payableFrom = earliest;
    }

    function _noteSlash(uint256 amount, uint256 toChallenger, uint256 toJuror) internal {
        slashed += amount;
        slashDistributed += toChallenger + toJuror;
        _noteBurn(amount - toChallenger - toJuror);
    }

    function _noteBurn(uint256 amount) internal {
        burned += amount;
        tokensIn -= amount;
    }

    function _mayChallenge(Work storage one, address who) internal view returns (bool) {
        Order memory order = one.order;
        if (!_isUnpaid(one) || who == order.worker || !stake.isActive(who)) return false;
        if (court.hasChallenged(one.receipt.orderHash, who)) return false;
        uint256 eligible = 0;
        for (uint256 i = 0; i < PARTIES; ++i) {
            address party = partyAt(i);
            bool involved = party == who || party == order.worker || party == order.client;
            if (stake.isActive(party) && !involved) ++eligible;
        }
        return eligible > 0;
    }

    function _stakeOf(address party) internal view returns (uint256) {
        Stake.Party memory held = stake.partyOf(party);
        return uint256(held.bonded) + held.unbonding;
    }

    function _keyOf(address party) internal view returns (uint256) {
        for (uint256 i = 0; i < PARTIES; ++i) {
            if (partyAt(i) == party) return keyOf(i);
        }
        revert NotTrue("a known party");
    }

    function _sign(Work storage made, uint256 client, uint256 worker, uint128 price) internal {
        Order memory order;
        order.client = partyAt(client);
        order.worker = partyAt(worker);
        (order.promptTokens, order.maxTokens) = (1, 1);
        order.outputPrice = price;
        order.sequence = _ledgers[order.client][order.worker].sequences++;
        Receipt memory receipt;
        receipt.orderHash = settlement.hashOrder(order);
        receipt.worker = order.worker;
        (receipt.promptTokens, receipt.outputTokens, receipt.finishReason) = (1, 1, 1);
        receipt.price = price;
        made.order = order;
        made.receipt = receipt;
        made.orderSignature = _signature(keyOf(client), receipt.orderHash);
        made.receiptSignature = _signature(keyOf(worker), settlement.hashReceipt(receipt));
    }

    function _signature(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, settlement.digestOf(structHash));
        return abi.encodePacked(r, s, v);
    }
}
