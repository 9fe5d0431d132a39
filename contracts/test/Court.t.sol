// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {AssayTypes, Order, Receipt} from "../src/AssayTypes.sol";
import {Dispute} from "../src/ICourt.sol";
import {Escrow} from "../src/Escrow.sol";
import {JuryCourt} from "../src/JuryCourt.sol";
import {Settlement} from "../src/Settlement.sol";
import {Stake} from "../src/Stake.sol";
import {Network} from "./Network.sol";

/// @notice Challenges and their jurors (spec/04 §4.7), rule by rule.
contract CourtTest is Network {
    Order private order;
    Receipt private receipt;

    function setUp() public override {
        super.setUp();
        order = makeOrder(1);
        receipt = makeReceipt(order);
    }

    function challengeFails(address challenger, bytes memory revertData) private {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        expectRevert(revertData);
        vm.prank(challenger);
        settlement.challenge(order, orderSignature, receipt, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT);
    }

    function deactivate(address party) private {
        vm.prank(party);
        stake.requestUnbond(1);
    }

    // Opening

    function test_a_challenge_contests_the_receipt_and_takes_the_bond() public {
        bytes32 receiptHash = settlement.hashReceipt(receipt);
        vm.expectEmit(address(court));
        emit JuryCourt.Challenged(
            1,
            receiptHash,
            worker,
            receipt.orderHash,
            client,
            verifier,
            RIVAL_TRACE,
            RIVAL_OUTPUT,
            uint64(vm.getBlockNumber()) + 1
        );
        vm.expectEmit(address(settlement));
        emit Settlement.ReceiptContested(receiptHash, receipt.orderHash, 1);
        assertEq(challengeBy(verifier, order, receipt), 1, "first case");
        assertEq(token.balanceOf(address(court)), BOND, "bond");
        assertState(order, Settlement.OrderState.Contested);
        assertEq(stake.partyOf(worker).holds, 1, "stake held");
        assertEq(escrow.channelOf(client, worker).holds, 1, "channel held");
    }

    function test_attack_payment_while_contested() public {
        publish(order, receipt);
        challengeBy(verifier, order, receipt);
        forward(PUBLICATION);
        payFails(order, receipt, abi.encodeWithSelector(Settlement.OrderContested.selector, receipt.orderHash));
    }

    function test_a_receipt_can_be_challenged_before_it_is_published() public {
        challengeBy(verifier, order, receipt);
        publish(order, receipt);
    }

    function test_a_paid_receipt_cannot_be_challenged() public {
        publish(order, receipt);
        forward(PUBLICATION);
        payReceipt(order, receipt);
        challengeFails(verifier, abi.encodeWithSelector(Settlement.OrderPaid.selector, receipt.orderHash));
    }

    function test_one_open_challenge_at_a_time() public {
        challengeBy(verifier, order, receipt);
        challengeFails(jurors[0], abi.encodeWithSelector(Settlement.OrderContested.selector, receipt.orderHash));
    }

    function test_a_void_order_cannot_be_challenged() public {
        rule(challengeBy(verifier, order, receipt), true);
        challengeFails(jurors[0], abi.encodeWithSelector(Settlement.OrderVoid.selector, receipt.orderHash));
    }

    function test_a_challenger_needs_stake() public {
        challengeFails(stranger, abi.encodeWithSelector(Settlement.NotActive.selector, stranger));
        deactivate(verifier);
        challengeFails(verifier, abi.encodeWithSelector(Settlement.NotActive.selector, verifier));
    }

    function test_a_challenger_needs_the_bond() public {
        vm.prank(verifier);
        token.approve(address(court), BOND - 1);
        challengeFails(
            verifier,
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(court), BOND - 1, BOND
            )
        );
    }

    function test_a_worker_cannot_challenge_itself() public {
        challengeFails(worker, abi.encodeWithSelector(Settlement.SelfChallenge.selector, worker));
    }

    function test_a_rival_that_agrees_is_no_rival() public {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        bytes32 trace = receipt.traceRoot;
        bytes32 output = receipt.outputCommitment;
        expectRevert(abi.encodeWithSelector(Settlement.RivalAgrees.selector));
        vm.prank(verifier);
        settlement.challenge(order, orderSignature, receipt, receiptSignature, trace, output);
        vm.prank(verifier);
        settlement.challenge(order, orderSignature, receipt, receiptSignature, trace, RIVAL_OUTPUT);
    }

    function test_a_rival_may_agree_about_the_tokens() public {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        vm.prank(verifier);
        settlement.challenge(order, orderSignature, receipt, receiptSignature, RIVAL_TRACE, receipt.outputCommitment);
    }

    function test_a_receipt_of_another_order_is_refused() public {
        receipt.orderHash = keccak256("another");
        bytes32 orderHash = settlement.hashOrder(order);
        challengeFails(
            verifier, abi.encodeWithSelector(AssayTypes.OrderHashMismatch.selector, receipt.orderHash, orderHash)
        );
    }

    /// Whoever invents an order cannot put a worker on trial for it.
    function test_order_and_receipt_must_be_signed() public {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        vm.startPrank(verifier);
        expectRevert(abi.encodeWithSelector(Settlement.SignatureInvalid.selector, client));
        settlement.challenge(order, receiptSignature, receipt, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT);
        expectRevert(abi.encodeWithSelector(Settlement.SignatureInvalid.selector, worker));
        settlement.challenge(order, orderSignature, receipt, orderSignature, RIVAL_TRACE, RIVAL_OUTPUT);
    }

    /// A receipt that contradicts its order in the open is fraud too: the court may see it.
    function test_a_signed_receipt_that_disagrees_with_its_order_can_be_challenged() public {
        receipt.price += 1;
        challengeBy(verifier, order, receipt);
    }

    function test_the_court_opens_for_the_settlement_only() public {
        Dispute memory dispute;
        expectRevert(abi.encodeWithSelector(JuryCourt.NotSettlement.selector, verifier));
        vm.prank(verifier);
        court.open(dispute);
    }

    function test_the_settlement_hears_its_court_only() public {
        expectRevert(abi.encodeWithSelector(Settlement.NotCourt.selector, verifier));
        vm.prank(verifier);
        settlement.resolve(receipt.orderHash, client, worker, false);
    }

    // Drawing

    function test_a_challenge_without_any_eligible_juror_is_refused() public {
        for (uint256 i = 0; i < 4; ++i) {
            deactivate(jurors[i]);
        }
        challengeFails(verifier, abi.encodeWithSelector(JuryCourt.NoEligibleJuror.selector));
        // The client does not judge its own payment.
        bond(client);
        challengeFails(verifier, abi.encodeWithSelector(JuryCourt.NoEligibleJuror.selector));
        bond(jurors[0]);
        assertEq(drawNow(challengeBy(verifier, order, receipt)), jurors[0], "the only one");
    }

    function test_a_client_that_challenges_is_counted_once() public {
        for (uint256 i = 0; i < 4; ++i) {
            deactivate(jurors[i]);
        }
        bond(client);
        deactivate(verifier);
        challengeFails(client, abi.encodeWithSelector(JuryCourt.NoEligibleJuror.selector));
        bond(jurors[3]);
        deactivate(worker);
        assertEq(drawNow(challengeBy(client, order, receipt)), jurors[3], "the only one");
    }

    function test_a_worker_that_is_its_own_client_is_counted_once() public {
        for (uint256 i = 1; i < 4; ++i) {
            deactivate(jurors[i]);
        }
        order.client = worker;
        receipt.orderHash = settlement.hashOrder(order);
        bytes memory orderSignature = sign(WORKER_KEY, receipt.orderHash);
        bytes memory receiptSignature = signReceipt(receipt);
        vm.prank(verifier);
        uint256 caseId =
            settlement.challenge(order, orderSignature, receipt, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT);
        assertEq(drawNow(caseId), jurors[0], "the only one");
    }

    function test_the_draw_waits_for_the_block_that_decides() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        uint256 anchor = vm.getBlockNumber() + 1;
        bytes memory early = abi.encodeWithSelector(JuryCourt.DrawTooEarly.selector, anchor + 1);
        expectRevert(early);
        court.draw(caseId);
        forward(1);
        expectRevert(early);
        court.draw(caseId);
        forward(1);
        court.draw(caseId);
        expectRevert(abi.encodeWithSelector(JuryCourt.NotDrawing.selector, caseId));
        court.draw(caseId);
    }

    function test_the_hash_decides_and_not_when_the_draw_is_called() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        uint256 challenged = vm.getBlockNumber();
        bytes32 hash = keccak256("hash");
        address[] memory excluded = new address[](3);
        (excluded[0], excluded[1], excluded[2]) = (worker, verifier, client);
        address expected = stake.draw(keccak256(abi.encode(hash, caseId, uint8(0))), challenged, excluded);
        forward(1 + RULING);
        vm.setBlockhash(challenged + 1, hash);
        vm.expectEmit(address(court));
        emit JuryCourt.JurorDrawn(caseId, expected, 0, uint64(vm.getBlockNumber()) + RULING);
        assertEq(court.draw(caseId), expected, "juror");
    }

    function test_a_late_draw_costs_a_seat() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        forward(1 + RULING + 1);
        vm.expectEmit(address(court));
        emit JuryCourt.SeatLost(caseId, address(0), 0);
        vm.expectEmit(address(court));
        emit JuryCourt.DrawAnchored(caseId, 1, uint64(vm.getBlockNumber()) + 1);
        assertEq(court.draw(caseId), address(0), "nobody");
        assertTrue(drawNow(caseId) != address(0), "somebody");
        assertEq(court.caseOf(caseId).seat, 1, "second seat");
    }

    function test_a_draw_that_finds_nobody_costs_a_seat() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        for (uint256 i = 0; i < 4; ++i) {
            deactivate(jurors[i]);
        }
        assertEq(drawNow(caseId), address(0), "nobody");
        bond(jurors[1]);
        assertEq(drawNow(caseId), jurors[1], "back in time for the next");
    }

    function test_a_draw_for_no_case() public {
        expectRevert(abi.encodeWithSelector(JuryCourt.NotDrawing.selector, 7));
        court.draw(7);
        expectRevert(abi.encodeWithSelector(JuryCourt.NotRuling.selector, 7));
        court.redraw(7);
        expectRevert(abi.encodeWithSelector(JuryCourt.NotRuling.selector, 7));
        court.rule(7, true);
    }

    // Ruling

    function test_fraud_slashes_voids_and_forfeits() public {
        publish(order, receipt);
        uint256 caseId = challengeBy(verifier, order, receipt);
        address juror = drawNow(caseId);
        vm.expectEmit(address(court));
        emit JuryCourt.Ruled(caseId, receipt.orderHash, juror, true);
        vm.expectEmit(address(settlement));
        emit Settlement.OrderVoided(receipt.orderHash);
        vm.expectEmit(address(escrow));
        emit Escrow.ChannelForfeited(client, worker, 1000);
        vm.expectEmit(address(stake));
        emit Stake.Slashed(worker, verifier, juror, 1000, 400, 100, 500);
        vm.prank(juror);
        court.rule(caseId, true);
        assertEq(court.creditOf(verifier), BOND, "the bond returned");
        assertEq(escrow.channelOf(client, worker).holds, 0, "no longer held");
        forward(PUBLICATION);
        payFails(order, receipt, abi.encodeWithSelector(Settlement.OrderVoid.selector, receipt.orderHash));
    }

    function test_attack_false_challenge_by_a_griefing_verifier() public {
        publish(order, receipt);
        forward(PUBLICATION);
        uint256 before = token.balanceOf(verifier);
        uint256 caseId = challengeBy(verifier, order, receipt);
        address juror = drawNow(caseId);
        vm.expectEmit(address(settlement));
        emit Settlement.OrderCleared(receipt.orderHash, uint64(vm.getBlockNumber()) + WINDOW);
        vm.prank(juror);
        court.rule(caseId, false);
        assertEq(token.balanceOf(verifier), before - BOND, "the bond is lost");
        assertEq(court.creditOf(juror), 20, "juror");
        assertEq(court.creditOf(worker), 40, "worker");
        assertEq(court.creditOf(verifier), 0, "challenger");
        assertEq(token.balanceOf(court.BURNED()), 40, "burned");
        forward(WINDOW);
        payReceipt(order, receipt);
        assertEq(earned(), PRICE, "paid in the end");
    }

    function test_only_the_drawn_juror_rules() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        address juror = drawNow(caseId);
        address[3] memory others = [verifier, worker, juror == jurors[0] ? jurors[1] : jurors[0]];
        for (uint256 i = 0; i < 3; ++i) {
            expectRevert(abi.encodeWithSelector(JuryCourt.NotJuror.selector, others[i], juror));
            vm.prank(others[i]);
            court.rule(caseId, true);
        }
    }

    function test_attack_juror_ruling_twice() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        address juror = rule(caseId, false);
        expectRevert(abi.encodeWithSelector(JuryCourt.NotRuling.selector, caseId));
        vm.prank(juror);
        court.rule(caseId, true);
    }

    function test_ruling_before_the_draw() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        expectRevert(abi.encodeWithSelector(JuryCourt.NotRuling.selector, caseId));
        vm.prank(jurors[0]);
        court.rule(caseId, true);
    }

    function test_the_deadline_is_the_last_block_for_a_ruling() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        address juror = drawNow(caseId);
        uint64 deadline = uint64(vm.getBlockNumber()) + RULING;
        assertEq(court.caseOf(caseId).deadline, deadline, "deadline");
        forward(RULING);
        expectRevert(abi.encodeWithSelector(JuryCourt.RedrawTooEarly.selector, deadline + 1));
        court.redraw(caseId);
        forward(1);
        expectRevert(abi.encodeWithSelector(JuryCourt.RulingTooLate.selector, deadline));
        vm.prank(juror);
        court.rule(caseId, true);
        court.redraw(caseId);
        expectRevert(abi.encodeWithSelector(JuryCourt.NotRuling.selector, caseId));
        court.redraw(caseId);
    }

    function test_attack_three_silent_jurors() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        uint256 opened = vm.getBlockNumber();
        address[3] memory drawn;
        for (uint256 seat = 0; seat < 3; ++seat) {
            drawn[seat] = drawNow(caseId);
            for (uint256 i = 0; i < seat; ++i) {
                assertTrue(drawn[i] != drawn[seat], "no seat twice");
            }
            forward(RULING + 1);
            if (seat == 2) {
                vm.expectEmit(address(court));
                emit JuryCourt.ChallengeDismissed(caseId, receipt.orderHash);
            }
            court.redraw(caseId);
        }
        assertTrue(vm.getBlockNumber() - opened <= court.longestCase(), "no longer than that");
        assertEq(token.balanceOf(court.BURNED()), BOND, "the bond is burned");
        assertEq(token.balanceOf(address(court)), 0, "all of it");
        assertState(order, Settlement.OrderState.Open);
        assertEq(stake.partyOf(worker).holds, 0, "released");
        vm.prank(drawn[2]);
        expectRevert(abi.encodeWithSelector(JuryCourt.NotRuling.selector, caseId));
        court.rule(caseId, true);
        forward(WINDOW);
        publish(order, receipt);
        forward(PUBLICATION);
        payReceipt(order, receipt);
    }

    function test_longest_case_is_reached_and_not_passed() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        uint256 opened = vm.getBlockNumber();
        for (uint256 seat = 0; seat < 3; ++seat) {
            forward(1 + RULING);
            assertTrue(court.draw(caseId) != address(0), "the last block to draw");
            forward(RULING + 1);
            court.redraw(caseId);
        }
        assertEq(uint256(court.caseOf(caseId).state), uint256(JuryCourt.CaseState.Closed), "closed");
        assertEq(vm.getBlockNumber() - opened, court.longestCase(), "longest case");
        assertEq(court.longestCase(), LONGEST_CASE, "as the terms say");
    }

    function test_a_survivor_can_be_challenged_again_by_another_party_only() public {
        rule(challengeBy(verifier, order, receipt), false);
        challengeFails(
            verifier, abi.encodeWithSelector(JuryCourt.AlreadyChallenged.selector, receipt.orderHash, verifier)
        );
        uint256 second = challengeBy(jurors[0], order, receipt);
        assertEq(second, 2, "second case");
        rule(second, true);
        assertState(order, Settlement.OrderState.Void);
    }
}
