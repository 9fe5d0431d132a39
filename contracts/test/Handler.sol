// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Delivery, Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Credits} from "../src/Credits.sol";
import {Escrow} from "../src/Escrow.sol";
import {JuryCourt} from "../src/JuryCourt.sol";
import {Settlement} from "../src/Settlement.sol";
import {Stake} from "../src/Stake.sol";
import {Model} from "./Model.sol";

/// @notice Random parties doing random things. It predicts from the model beside the contracts whether each payment,
/// challenge and proof may succeed, and fails where that is wrong.
contract Handler is Model {
    constructor(Settlement settlement_, IERC20 token_) Model(settlement_, token_) {}

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

    /// @dev One of the latest: most of the older ones are settled.
    function _recent(uint256 seed, uint256 count) private pure returns (uint256) {
        return count - 1 - seed % (count < 12 ? count : 12);
    }

    function publish(uint256 seed) external {
        if (_works.length == 0) return;
        Work storage one = _works[_recent(seed, _works.length)];
        bool may = _isUnsettled(one) && one.payableFrom == 0 && stake.isActive(one.order.worker);
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
        Work storage one = _works[_recent(seed, _works.length)];
        // Often enough in time, to get somewhere.
        Ledger storage ledger = _ledgers[one.order.client][one.order.worker];
        uint256 due = one.payableFrom > ledger.payableFrom ? one.payableFrom : ledger.payableFrom;
        if (seed % 3 != 0 && vm.getBlockNumber() < due) vm.roll(due);
        uint256 price = one.receipt.price;
        address caller = seed % 8 == 0 ? one.order.client : one.order.worker;
        bool may = _isUnpaid(one) && one.payableFrom != 0 && vm.getBlockNumber() >= one.payableFrom
            && caller == one.order.worker && ledger.holds == 0 && vm.getBlockNumber() >= ledger.payableFrom && _balance(ledger) >= price;
        vm.prank(caller);
        try settlement.payPublished(one.order, one.receipt) {
            assertTrue(may, "paid what may not be paid");
            one.paid = true;
            ledger.paid += price;
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
            settledBelow: below % 3 == 0 ? uint64(bound(below / 3, 0, ledger.sequences + 1)) : 0,
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
        uint256 index = _recent(seed, _grants.length);
        Grant storage one = _grants[index];
        if (seed % 3 != 0 && vm.getBlockNumber() < one.from) vm.roll(one.from);
        bool may = one.from != 0 && vm.getBlockNumber() >= one.from;
        (Voucher[] memory vouchers, bytes[] memory signatures) = (new Voucher[](1), new bytes[](1));
        (vouchers[0], signatures[0]) = (one.voucher, one.signature);
        try settlement.payBatch(one.voucher.worker, bytes32(index + 1), 1, vouchers, signatures) returns (
            uint256 amount
        ) {
            assertTrue(may, "paid what was not posted or not due");
            assertEq(amount, _redeemed(one), "what the model says");
            tokensIn -= amount;
        } catch {
            assertTrue(!may, "could not be paid");
        }
    }

    function equivocate(uint256 seed, uint256 prover) external {
        if (_works.length == 0 || seed % 16 != 0) return;
        Work storage one = _works[seed / 16 % _works.length];
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
        uint256 index = _recent(seed, _works.length);
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
        else _rule(caseId, before, choice % 16 == 2);
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

}
