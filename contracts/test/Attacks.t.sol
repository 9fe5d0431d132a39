// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Settlement} from "../src/Settlement.sol";
import {Stake} from "../src/Stake.sol";
import {Network} from "./Network.sol";

/// @notice Attacks that use several rules at once, by name. The attacker never ends up with more.
contract AttacksTest is Network {
    Order private order;
    Receipt private receipt;

    function setUp() public override {
        super.setUp();
        order = makeOrder(1);
        receipt = makeReceipt(order);
    }

    /// Post, unbond at once, and hope to be gone before the last possible ruling.
    function test_attack_early_unbond_escape() public {
        publish(order, receipt);
        vm.prank(worker);
        stake.requestUnbond(MIN_STAKE);
        forward(PUBLICATION - 1);
        uint256 caseId = challengeBy(verifier, order, receipt);
        for (uint256 i = 0; i < 2; ++i) {
            forward(1 + RULING);
            court.draw(caseId);
            forward(RULING + 1);
            court.redraw(caseId);
        }
        forward(1 + RULING);
        address juror = court.draw(caseId);
        forward(RULING);
        expectRevert(abi.encodeWithSelector(Stake.HeldByChallenge.selector, 1));
        vm.prank(worker);
        stake.withdraw();
        vm.prank(juror);
        court.rule(caseId, true);
        assertEq(stake.creditOf(verifier), 400, "slashed");
        expectRevert(abi.encodeWithSelector(Stake.NothingUnbonding.selector, worker));
        vm.prank(worker);
        stake.withdraw();
    }

    /// A challenge in the last block of the window would outlast the unbonding without the hold.
    function test_attack_unbonding_during_a_challenge() public {
        vm.prank(worker);
        stake.requestUnbond(MIN_STAKE);
        forward(UNBONDING);
        uint256 caseId = challengeBy(verifier, order, receipt);
        expectRevert(abi.encodeWithSelector(Stake.HeldByChallenge.selector, 1));
        vm.prank(worker);
        stake.withdraw();
        rule(caseId, true);
        assertEq(stake.creditOf(verifier), 400, "slashed");
    }

    /// A confederate challenges first, shows no evidence, and the payment follows the dismissal at once.
    function test_attack_challenge_made_to_fail() public {
        publish(order, receipt);
        vm.prank(worker);
        stake.requestUnbond(MIN_STAKE);
        forward(PUBLICATION - 1);
        uint256 caseId = challengeBy(verifier, order, receipt);
        for (uint256 i = 0; i < 3; ++i) {
            forward(1 + RULING);
            court.draw(caseId);
            forward(RULING + 1);
            court.redraw(caseId);
        }
        uint64 from = uint64(vm.getBlockNumber()) + WINDOW;
        payFails(order, receipt, abi.encodeWithSelector(Settlement.WindowOpen.selector, from));
        forward(WINDOW - 1);
        expectRevert(abi.encodeWithSelector(Stake.StillUnbonding.selector, from));
        vm.prank(worker);
        stake.withdraw();
        // An honest verifier has a window of its own, and finds the stake still there.
        rule(challengeBy(jurors[0], order, receipt), true);
        assertEq(stake.creditOf(jurors[0]), 400, "slashed");
        forward(2 * WINDOW);
        payFails(order, receipt, abi.encodeWithSelector(Settlement.OrderVoid.selector, receipt.orderHash));
    }

    /// Slashing oneself through a confederate, with a confederate as the juror, still burns half.
    function test_attack_self_challenge_loses_money() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        address juror = rule(caseId, true);
        uint256 kept = stake.creditOf(verifier) + stake.creditOf(juror);
        assertEq(kept, MIN_STAKE / 2, "all three together");
        assertEq(court.creditOf(verifier), BOND, "beside the bond");
    }

    /// A self-challenge that is lost costs at least the burned part of the bond.
    function test_attack_self_challenge_without_fraud_loses_money() public {
        address juror = rule(challengeBy(verifier, order, receipt), false);
        uint256 kept = court.creditOf(verifier) + court.creditOf(juror) + court.creditOf(worker);
        assertEq(kept, 60, "of 100");
    }

    function test_attack_two_challenges_share_one_stake_only_once() public {
        Order memory other = makeOrder(2);
        uint256 first = challengeBy(verifier, order, receipt);
        uint256 second = challengeBy(verifier, other, makeReceipt(other));
        assertEq(stake.partyOf(worker).holds, 2, "held twice");
        rule(first, true);
        assertEq(stake.partyOf(worker).holds, 1, "held once");
        rule(second, true);
        assertEq(stake.partyOf(worker).holds, 0, "released");
        assertEq(stake.creditOf(verifier), 400, "one stake");
        assertEq(court.creditOf(verifier), 2 * BOND, "both bonds");
        assertState(other, Settlement.OrderState.Void);
    }

    /// The worker sees the deciding hash and joins with as many parties as it takes to be drawn.
    function test_attack_joining_after_the_deciding_block() public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        forward(2);
        uint256 snapshot = vm.getBlockNumber() - 2;
        for (uint256 i = 0; i < 8; ++i) {
            address confederate = makeAddr(string(abi.encode("confederate", i)));
            fund(confederate);
            bond(confederate);
        }
        address[] memory excluded = new address[](3);
        (excluded[0], excluded[1], excluded[2]) = (worker, verifier, client);
        bytes32 seed = keccak256(abi.encode(blockhash(snapshot + 1), caseId, uint8(0)));
        address juror = court.draw(caseId);
        assertEq(juror, stake.draw(seed, snapshot, excluded), "as the list was");
        bool old = juror == jurors[0] || juror == jurors[1] || juror == jurors[2] || juror == jurors[3];
        assertTrue(old, "not one of the newcomers");
    }

    /// Who builds the deciding block knows its hash inside it: that is too late to join as well.
    function testFuzz_attack_joining_in_the_deciding_block(bytes32 hash) public {
        uint256 caseId = challengeBy(verifier, order, receipt);
        forward(1);
        address confederate = makeAddr("confederate");
        fund(confederate);
        bond(confederate);
        forward(1);
        vm.setBlockhash(vm.getBlockNumber() - 1, hash);
        assertTrue(court.draw(caseId) != confederate, "not the newcomer");
    }

    /// Neither the parties nor a silent juror is ever drawn, whatever the hashes.
    function testFuzz_attack_juror_is_challenger_worker_client_or_drawn_before(bytes32 first, bytes32 second) public {
        bond(client);
        uint256 caseId = challengeBy(verifier, order, receipt);
        forward(2);
        vm.setBlockhash(vm.getBlockNumber() - 1, first);
        address silent = court.draw(caseId);
        forward(RULING + 1);
        court.redraw(caseId);
        forward(2);
        vm.setBlockhash(vm.getBlockNumber() - 1, second);
        address juror = court.draw(caseId);
        assertTrue(juror != silent, "not drawn before");
        address[2] memory both = [silent, juror];
        for (uint256 i = 0; i < 2; ++i) {
            assertTrue(both[i] != worker && both[i] != verifier && both[i] != client, "not a party");
            assertTrue(both[i] != address(0), "somebody");
        }
    }

    /// Stake that comes back after a slash is not taken by the old case a second time without a ruling.
    function test_attack_restaking_during_the_second_case() public {
        Order memory other = makeOrder(2);
        uint256 first = challengeBy(verifier, order, receipt);
        uint256 second = challengeBy(verifier, other, makeReceipt(other));
        rule(first, true);
        bond(worker);
        rule(second, false);
        assertEq(bonded(worker), MIN_STAKE, "untouched");
        assertState(other, Settlement.OrderState.Open);
    }

    /// A payment in the block in which its time ends, against a challenge in the same block: who is first.
    function test_attack_race_between_payment_and_challenge() public {
        publish(order, receipt);
        forward(PUBLICATION);
        challengeBy(verifier, order, receipt);
        payFails(order, receipt, abi.encodeWithSelector(Settlement.OrderContested.selector, receipt.orderHash));
    }

    /// The worker redeems a voucher while another receipt of the channel is contested, before it loses it.
    function test_attack_redeeming_while_a_fraud_is_contested() public {
        Voucher memory voucher = makeVoucher(1, 500);
        post(voucher);
        forward(WINDOW);
        uint256 caseId = challengeBy(verifier, order, receipt);
        assertEq(pay(voucher), 0, "held");
        rule(caseId, true);
        forward(WINDOW);
        assertEq(pay(voucher), 0, "forfeited");
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000, "the client has it back");
    }

    /// A fraud that a careless client granted is void while its voucher waits.
    function test_attack_a_fraud_with_a_voucher_is_not_paid_if_found_in_the_window() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        post(voucher);
        forward(WINDOW - 1);
        rule(challengeBy(verifier, order, receipt), true);
        forward(WINDOW);
        assertEq(pay(voucher), 0, "nothing");
        assertEq(bonded(worker), 0, "slashed");
    }

    /// Once it is settled it is settled: its client has checked it, or has chosen not to.
    function test_a_settled_order_cannot_be_challenged() public {
        redeem(makeVoucher(2, PRICE));
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        expectRevert(abi.encodeWithSelector(Settlement.OrderSettled.selector, receipt.orderHash, 1, 2));
        vm.prank(verifier);
        settlement.challenge(order, orderSignature, receipt, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT);
    }

    /// The client settles a contested order for nothing: the case goes on, and nobody is stuck.
    function test_settling_meanwhile_does_not_stop_a_case() public {
        Voucher memory voucher = makeVoucher(9, 10);
        post(voucher);
        forward(WINDOW);
        uint256 caseId = challengeBy(verifier, order, receipt);
        assertEq(pay(voucher), 0, "held");
        rule(caseId, true);
        assertEq(bonded(worker), 0, "slashed");
        assertState(order, Settlement.OrderState.Void);
    }
}
