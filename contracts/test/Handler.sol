// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Delivery, Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Credits} from "../src/Credits.sol";
import {Escrow} from "../src/Escrow.sol";
import {JuryCourt} from "../src/JuryCourt.sol";
import {Settlement} from "../src/Settlement.sol";
import {Stake} from "../src/Stake.sol";
import {Assertions} from "./Assertions.sol";

/// @notice Random parties doing random things. It keeps a plain model of the orders beside the contracts,
/// predicts from it whether each payment, challenge and proof may succeed, and fails where that is wrong.
contract Handler is Assertions {
    uint256 public constant PARTIES = 8;
    uint256 private constant CLIENTS = 2;
    uint256 private constant WORKERS = 2;

    /// @dev What the model knows of one order. `payableFrom` is zero until the receipt is published.
    struct Work {
        Order order;
        bytes orderSignature;
        Receipt receipt;
        bytes receiptSignature;
        uint256 payableFrom;
        uint256 caseId;
        bool paid;
        bool void;
    }

    /// @dev A voucher that a worker has posted. `from` is zero until then.
    struct Grant {
        Voucher voucher;
        bytes signature;
        uint256 from;
    }

    /// @dev What the model knows of one channel: all that its client has put in and taken out, what the worker
    /// has had, and until when it waits.
    struct Ledger {
        uint256 deposited;
        uint256 withdrawn;
        uint256 paid;
        uint256 granted;
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

    address[PARTIES] private _parties;
    Work[] private _works;
    Grant[] private _grants;
    mapping(address client => mapping(address worker => Ledger)) private _ledgers;
    mapping(uint256 caseId => uint256 workIndex) private _workOf;
    uint256[] private _openCases;

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

    function openCases() external view returns (uint256[] memory) {
        return _openCases;
    }

    // Stake and channels

    function addStake(uint256 party, uint256 amount) external {
        amount = bound(amount, 1, 1500);
        vm.prank(partyAt(party % PARTIES));
        stake.deposit(uint128(amount));
        tokensIn += amount;
    }

    function unbond(uint256 party, uint256 amount) external {
        address who = partyAt(party % PARTIES);
        uint256 bonded = stake.partyOf(who).bonded;
        if (bonded == 0) return;
        vm.prank(who);
        stake.requestUnbond(uint128(bound(amount, 1, bonded)));
    }

    function withdrawStake(uint256 party) external {
        address who = partyAt(party % PARTIES);
        Stake.Party memory before = stake.partyOf(who);
        bool may = before.unbonding > 0 && before.holds == 0 && vm.getBlockNumber() >= before.withdrawableFrom;
        vm.prank(who);
        try stake.withdraw() {
            assertTrue(may, "stake left too early");
            tokensIn -= before.unbonding;
            ++reached["stake withdrawn"];
        } catch {
            assertTrue(!may, "stake is stuck");
        }
    }

    function fillChannel(uint256 client, uint256 worker, uint256 amount) external {
        amount = bound(amount, 1, 500);
        address payer = partyAt(client % CLIENTS);
        address payee = partyAt(CLIENTS + worker % WORKERS);
        Ledger storage ledger = _ledgers[payer][payee];
        vm.prank(payer);
        try escrow.deposit(payee, uint128(amount)) {
            assertTrue(!ledger.forfeited, "a deposit into a forfeited channel");
            ledger.deposited += amount;
            tokensIn += amount;
        } catch {
            assertTrue(ledger.forfeited, "could not deposit");
        }
    }

    function closeChannel(uint256 client, uint256 worker) external {
        address payer = partyAt(client % CLIENTS);
        address payee = partyAt(CLIENTS + worker % WORKERS);
        Escrow.Channel memory before = escrow.channelOf(payer, payee);
        Ledger storage ledger = _ledgers[payer][payee];
        if (before.withdrawableFrom == 0 && !ledger.forfeited) {
            if (before.balance == 0) return;
            vm.prank(payer);
            escrow.requestWithdraw(payee);
            return;
        }
        if (client % 3 == 0 && vm.getBlockNumber() < before.withdrawableFrom) vm.roll(before.withdrawableFrom);
        bool due = ledger.forfeited || vm.getBlockNumber() >= before.withdrawableFrom;
        bool may = before.balance > 0 && ledger.holds == 0 && due;
        vm.prank(payer);
        try escrow.withdraw(payee) {
            assertTrue(may, "channel left too early");
            tokensIn -= before.balance;
            ledger.withdrawn += before.balance;
            ++reached[ledger.forfeited ? "forfeited channel withdrawn" : "channel withdrawn"];
        } catch {
            assertTrue(!may, "channel is stuck");
        }
    }

    function withdrawCredit(uint256 party, uint256 where) external {
        address who = partyAt(party % PARTIES);
        Credits ledger = [Credits(stake), Credits(court)][where % 2];
        uint256 owed = ledger.creditOf(who);
        if (owed == 0) return;
        vm.prank(who);
        assertEq(ledger.withdrawCredit(), owed, "paid what was owed");
        tokensIn -= owed;
        ++reached["credit withdrawn"];
    }

    // Work

    /// @dev A new order and its receipt, signed.
    function work(uint256 client, uint256 worker, uint256 price) external {
        Work storage made = _works.push();
        _sign(made, client % CLIENTS, CLIENTS + worker % WORKERS, uint128(bound(price, 0, 40)));
    }

    function publish(uint256 seed) external {
        if (_works.length == 0) return;
        Work storage one = _works[seed % _works.length];
        bool may = _isUnpaid(one) && one.payableFrom == 0 && stake.isActive(one.order.worker);
        Receipt memory receipt = one.receipt;
        Delivery memory delivery = Delivery(receipt.orderHash, receipt.outputTokens, receipt.outputCommitment);
        bytes memory signature = _signature(_keyOf(one.order.client), settlement.hashDelivery(delivery));
        try settlement.publish(
            one.order, one.orderSignature, receipt, one.receiptSignature, delivery, signature
        ) {
            assertTrue(may, "published what may not be published");
            one.payableFrom = vm.getBlockNumber() + settlement.publicationBlocks();
            ++reached["published"];
        } catch {
            assertTrue(!may, "could not publish");
        }
    }

    function payPublished(uint256 seed) external {
        if (_works.length == 0) return;
        Work storage one = _works[seed % _works.length];
        // Often enough in time, to get somewhere.
        if (seed % 3 != 0 && vm.getBlockNumber() < one.payableFrom) vm.roll(one.payableFrom);
        Ledger storage ledger = _ledgers[one.order.client][one.order.worker];
        uint256 price = one.receipt.price;
        bool may = _isUnpaid(one) && one.payableFrom != 0 && vm.getBlockNumber() >= one.payableFrom
            && ledger.holds == 0 && vm.getBlockNumber() >= ledger.payableFrom && _balance(ledger) >= price;
        try settlement.payPublished(one.order, one.receipt) {
            assertTrue(may, "paid what may not be paid");
            one.paid = true;
            ledger.paid += price;
            ledger.granted += price;
            tokensIn -= price;
            ++reached["published paid"];
        } catch {
            assertTrue(!may, "could not be paid");
        }
    }

    /// @dev A voucher for all orders so far, or an older, smaller or larger one; posted where the worker may.
    function grant(uint256 client, uint256 worker, uint256 amount, uint256 below) external {
        address payer = partyAt(client % CLIENTS);
        address payee = partyAt(CLIENTS + worker % WORKERS);
        Ledger storage ledger = _ledgers[payer][payee];
        Grant storage made = _grants.push();
        made.voucher = Voucher({
            client: payer,
            worker: payee,
            // Mostly none, so that orders stay open for publication.
            settledBelow: below % 4 == 0 ? uint64(bound(below / 4, 0, ledger.sequences + 1)) : 0,
            amount: uint128(bound(amount, 0, ledger.paid + 100))
        });
        made.signature = _signature(_keyOf(payer), settlement.hashVoucher(made.voucher));
        Voucher[] memory vouchers = new Voucher[](1);
        vouchers[0] = made.voucher;
        bytes32 root = bytes32(_grants.length);
        bool may = stake.isActive(payee);
        vm.prank(payee);
        try settlement.postBatch(root, 1, keccak256(abi.encode(vouchers))) {
            assertTrue(may, "posted without stake");
            made.from = vm.getBlockNumber() + settlement.windowBlocks();
            ++reached["posted"];
        } catch {
            assertTrue(!may, "could not post");
        }
    }

    function payBatch(uint256 seed) external {
        if (_grants.length == 0) return;
        uint256 index = seed % _grants.length;
        Grant storage one = _grants[index];
        if (seed % 3 != 0 && vm.getBlockNumber() < one.from) vm.roll(one.from);
        bool may = one.from != 0 && vm.getBlockNumber() >= one.from;
        (Voucher[] memory vouchers, bytes[] memory signatures) = (new Voucher[](1), new bytes[](1));
        (vouchers[0], signatures[0]) = (one.voucher, one.signature);
        try settlement.payBatch(one.voucher.worker, bytes32(index + 1), 1, vouchers, signatures) returns (
            uint256 amount
        ) {
            assertTrue(may, "paid what was not posted or not due");
            assertEq(amount, _redeemed(one.voucher), "what the model says");
            tokensIn -= amount;
        } catch {
            assertTrue(!may, "could not be paid");
        }
    }

    /// @dev The model of one redemption.
    function _redeemed(Voucher storage voucher) private returns (uint256 due) {
        Ledger storage ledger = _ledgers[voucher.client][voucher.worker];
        if (ledger.holds != 0 || ledger.forfeited || vm.getBlockNumber() < ledger.payableFrom) {
            ++reached["voucher held"];
            return 0;
        }
        if (voucher.amount > ledger.granted) ledger.granted = voucher.amount;
        if (voucher.amount > ledger.paid) due = voucher.amount - ledger.paid;
        if (due > _balance(ledger)) due = _balance(ledger);
        ledger.paid += due;
        if (voucher.settledBelow > ledger.settledBelow) ledger.settledBelow = voucher.settledBelow;
        if (due > 0) ++reached["voucher redeemed"];
    }

    function _balance(Ledger storage ledger) private view returns (uint256) {
        return ledger.deposited - ledger.withdrawn - ledger.paid;
    }

    function _isUnpaid(Work storage one) private view returns (bool) {
        Ledger storage ledger = _ledgers[one.order.client][one.order.worker];
        return !one.paid && !one.void && one.caseId == 0 && !ledger.forfeited
            && one.order.sequence >= ledger.settledBelow;
    }

    function _forfeit(Work storage one) private {
        Ledger storage ledger = _ledgers[one.order.client][one.order.worker];
        if (!ledger.forfeited) ++reached["forfeited"];
        ledger.forfeited = true;
    }

    function equivocate(uint256 seed, uint256 prover) external {
        if (_works.length == 0 || seed % 4 != 0) return;
        Work storage one = _works[seed / 4 % _works.length];
        Receipt memory other = one.receipt;
        other.traceRoot = keccak256("another trace");
        bytes memory signature = _signature(_keyOf(one.order.worker), settlement.hashReceipt(other));
        bool may = !one.void;
        uint256 amount = _stakeOf(one.order.worker);
        address who = partyAt(prover % PARTIES);
        uint256 creditBefore = stake.creditOf(who);
        vm.prank(who);
        try settlement.proveEquivocation(
            one.order, one.receipt, one.receiptSignature, other, signature
        ) {
            assertTrue(may, "proven twice");
            one.void = true;
            _forfeit(one);
            _noteSlash(amount, amount * 40 / 100, 0);
            assertEq(stake.creditOf(who) - creditBefore, amount * 40 / 100, "prover's share");
            ++reached["equivocation proven"];
        } catch {
            assertTrue(!may, "could not prove");
        }
    }

    // The court

    function challenge(uint256 seed, uint256 challenger) external {
        if (_works.length == 0) return;
        uint256 index = seed % _works.length;
        Work storage one = _works[index];
        address who = partyAt(challenger % PARTIES);
        Order memory order = one.order;
        bool may = _mayChallenge(one, who);
        vm.prank(who);
        try settlement.challenge(
            order, one.orderSignature, one.receipt, one.receiptSignature, "rival", "output"
        ) returns (uint256 caseId) {
            assertTrue(may, "challenged what may not be challenged");
            one.caseId = caseId;
            ++_ledgers[order.client][order.worker].holds;
            _workOf[caseId] = index;
            _openCases.push(caseId);
            tokensIn += court.bond();
            ++reached["challenged"];
        } catch {
            assertTrue(!may, "could not challenge");
        }
    }

    function stepCase(uint256 seed, uint256 choice) external {
        if (_openCases.length == 0) return;
        uint256 place = seed % _openCases.length;
        uint256 caseId = _openCases[place];
        JuryCourt.Case memory before = court.caseOf(caseId);
        if (before.state == JuryCourt.CaseState.Drawing) _draw(caseId, before, choice);
        else if (choice % 4 == 0) _redraw(caseId, before);
        else _rule(caseId, before, choice % 2 == 0);
        if (court.caseOf(caseId).state == JuryCourt.CaseState.Closed) {
            _openCases[place] = _openCases[_openCases.length - 1];
            _openCases.pop();
        }
    }

    function pass(uint256 blocks) external {
        vm.roll(vm.getBlockNumber() + bound(blocks, 1, 40));
    }

    function _draw(uint256 caseId, JuryCourt.Case memory before, uint256 choice) private {
        uint256 target = before.anchor + 1;
        if (choice % 7 == 0) target += court.drawBlocks();
        if (vm.getBlockNumber() < target) vm.roll(target);
        address juror = court.draw(caseId);
        if (juror == address(0)) {
            ++reached["seat lost without a juror"];
            _noteDismissal(caseId, before);
            return;
        }
        assertTrue(vm.getBlockNumber() <= before.anchor + court.drawBlocks(), "drawn too late");
        assertTrue(stake.isActive(juror), "a juror has stake");
        assertTrue(juror != before.worker && juror != before.challenger && juror != before.client, "not a party");
        for (uint256 i = 0; i < before.seat; ++i) {
            assertTrue(juror != before.silent[i], "not drawn before");
        }
        ++reached["drawn"];
    }

    function _redraw(uint256 caseId, JuryCourt.Case memory before) private {
        if (vm.getBlockNumber() <= before.deadline) vm.roll(before.deadline + 1);
        court.redraw(caseId);
        ++reached["silent juror"];
        _noteDismissal(caseId, before);
    }

    function _rule(uint256 caseId, JuryCourt.Case memory before, bool fraud) private {
        if (vm.getBlockNumber() > before.deadline) return;
        uint256 amount = _stakeOf(before.worker);
        vm.prank(before.juror);
        court.rule(caseId, fraud);
        Work storage one = _works[_workOf[caseId]];
        one.caseId = 0;
        if (fraud) {
            --_ledgers[one.order.client][one.order.worker].holds;
            one.void = true;
            _forfeit(one);
            _noteSlash(amount, amount * 40 / 100, amount * 10 / 100);
            ++reached["fraud"];
        } else {
            _release(one);
            _noteBurn(court.bond() - uint256(court.bond()) * 40 / 100 - uint256(court.bond()) * 20 / 100);
            ++reached["no fraud"];
        }
    }

    function _noteDismissal(uint256 caseId, JuryCourt.Case memory before) private {
        if (court.caseOf(caseId).state != JuryCourt.CaseState.Closed) return;
        assertEq(before.seat, 2, "only the last seat dismisses");
        Work storage one = _works[_workOf[caseId]];
        one.caseId = 0;
        _release(one);
        _noteBurn(court.bond());
        ++reached["dismissed"];
    }

    /// @dev A case ended without fraud.
    function _release(Work storage one) private {
        Ledger storage ledger = _ledgers[one.order.client][one.order.worker];
        uint256 earliest = vm.getBlockNumber() + settlement.windowBlocks();
        --ledger.holds;
        ledger.payableFrom = earliest;
        if (!one.void && one.payableFrom != 0 && one.payableFrom < earliest) one.payableFrom = earliest;
    }

    function _noteSlash(uint256 amount, uint256 toChallenger, uint256 toJuror) private {
        slashed += amount;
        slashDistributed += toChallenger + toJuror;
        _noteBurn(amount - toChallenger - toJuror);
    }

    function _noteBurn(uint256 amount) private {
        burned += amount;
        tokensIn -= amount;
    }

    function _mayChallenge(Work storage one, address who) private view returns (bool) {
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

    function _stakeOf(address party) private view returns (uint256) {
        Stake.Party memory held = stake.partyOf(party);
        return uint256(held.bonded) + held.unbonding;
    }

    function _keyOf(address party) private view returns (uint256) {
        for (uint256 i = 0; i < PARTIES; ++i) {
            if (partyAt(i) == party) return keyOf(i);
        }
        revert NotTrue("a known party");
    }

    function _sign(Work storage made, uint256 client, uint256 worker, uint128 price) private {
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

    function _signature(uint256 key, bytes32 structHash) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, settlement.digestOf(structHash));
        return abi.encodePacked(r, s, v);
    }
}
