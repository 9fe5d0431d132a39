// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssayTypes, Order, Receipt} from "../src/AssayTypes.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

/// @notice Two receipts for one order (spec/04 §4.6).
contract EquivocationTest is Network {
    Order private order;
    Receipt private a;
    Receipt private b;

    function setUp() public override {
        super.setUp();
        order = makeOrder(1);
        a = makeReceipt(order);
        b = makeReceipt(order);
        b.traceRoot = keccak256("another trace");
    }

    function prove() private {
        bytes memory signatureA = signReceipt(a);
        bytes memory signatureB = signReceipt(b);
        vm.prank(stranger);
        settlement.proveEquivocation(order, a, signatureA, b, signatureB);
    }

    function proveFails(bytes memory revertData) private {
        bytes memory signatureA = signReceipt(a);
        bytes memory signatureB = signReceipt(b);
        expectRevert(revertData);
        settlement.proveEquivocation(order, a, signatureA, b, signatureB);
    }

    function test_attack_equivocation_is_slashed_and_never_paid() public {
        publish(order, a);
        forward(PUBLICATION);
        bytes memory signatureA = signReceipt(a);
        bytes memory signatureB = signReceipt(b);
        vm.expectEmit(address(settlement));
        emit Settlement.EquivocationProven(
            a.orderHash, worker, stranger, settlement.hashReceipt(a), settlement.hashReceipt(b)
        );
        vm.expectEmit(address(settlement));
        emit Settlement.OrderVoided(a.orderHash);
        vm.prank(stranger);
        settlement.proveEquivocation(order, a, signatureA, b, signatureB);
        assertEq(bonded(worker), 0, "slashed");
        assertEq(stake.creditOf(stranger), 400, "40 % to who proved it");
        assertEq(token.balanceOf(stake.BURNED()), 600, "no juror, so the rest is burned");
        payFails(order, a, abi.encodeWithSelector(Settlement.OrderVoid.selector, a.orderHash));
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000, "the channel is the client's");
    }

    function test_it_can_be_proven_after_the_payment() public {
        publish(order, a);
        forward(PUBLICATION);
        payReceipt(order, a);
        prove();
        assertEq(bonded(worker), 0, "slashed");
        assertState(order, Settlement.OrderState.Void);
    }

    function test_it_can_be_proven_after_the_voucher() public {
        redeem(makeVoucher(2, PRICE));
        prove();
        assertEq(bonded(worker), 0, "slashed");
        assertEq(redeem_fails(), 0, "and nothing more is paid");
    }

    function redeem_fails() private returns (uint256) {
        bond(worker);
        return redeem(makeVoucher(9, 900));
    }

    /// Otherwise a third receipt would slash what the worker staked afterwards.
    function test_an_order_is_slashed_for_once() public {
        prove();
        bond(worker);
        b.traceRoot = keccak256("a third trace");
        proveFails(abi.encodeWithSelector(Settlement.OrderVoid.selector, a.orderHash));
        assertEq(bonded(worker), MIN_STAKE, "the new stake");
    }

    function test_the_same_receipt_twice_proves_nothing() public {
        b = a;
        proveFails(abi.encodeWithSelector(Settlement.ReceiptsEqual.selector, settlement.hashReceipt(a)));
    }

    function test_receipts_for_two_orders_prove_nothing() public {
        b = makeReceipt(makeOrder(2));
        proveFails(abi.encodeWithSelector(AssayTypes.OrderHashMismatch.selector, b.orderHash, a.orderHash));
    }

    function test_a_receipt_that_the_worker_did_not_sign_proves_nothing() public {
        bytes memory signatureA = signReceipt(a);
        bytes memory forged = sign(CLIENT_KEY, settlement.hashReceipt(b));
        bytes memory refused = abi.encodeWithSelector(Settlement.SignatureInvalid.selector, worker);
        expectRevert(refused);
        settlement.proveEquivocation(order, a, signatureA, b, forged);
        expectRevert(refused);
        settlement.proveEquivocation(order, b, forged, a, signatureA);
    }

    /// A second signature of the same receipt is not a second receipt.
    function test_attack_two_signatures_of_one_receipt() public {
        bytes memory signature = signReceipt(a);
        expectRevert(abi.encodeWithSelector(Settlement.ReceiptsEqual.selector, settlement.hashReceipt(a)));
        settlement.proveEquivocation(order, a, signature, a, signature);
    }

    /// The receipts need not agree with the order: signing them is the offence.
    function testFuzz_any_difference_counts(uint128 price) public {
        vm.assume(price != PRICE);
        b = a;
        b.price = price;
        prove();
        assertEq(bonded(worker), 0, "slashed");
    }

    function test_attack_unbonding_does_not_escape() public {
        vm.prank(worker);
        stake.requestUnbond(MIN_STAKE);
        forward(UNBONDING);
        prove();
        assertEq(stake.creditOf(stranger), 400, "slashed while unbonding");
    }

    function test_a_worker_without_stake_loses_the_order_only() public {
        vm.startPrank(worker);
        stake.requestUnbond(MIN_STAKE);
        forward(UNBONDING);
        stake.withdraw();
        vm.stopPrank();
        prove();
        assertEq(stake.creditOf(stranger), 0, "nothing to share");
        assertState(order, Settlement.OrderState.Void);
    }

    function test_attack_proving_ones_own_equivocation_still_loses_more_than_half() public {
        uint256 before = token.balanceOf(worker);
        bytes memory signatureA = signReceipt(a);
        bytes memory signatureB = signReceipt(b);
        vm.startPrank(worker);
        settlement.proveEquivocation(order, a, signatureA, b, signatureB);
        stake.withdrawCredit();
        assertEq(token.balanceOf(worker) - before, 400, "of 1000");
    }

    /// Proven while a court hears a challenge: the order stays void whatever the court says.
    function test_during_a_challenge() public {
        uint256 caseId = challengeBy(verifier, order, a);
        prove();
        bond(worker);
        address juror = rule(caseId, false);
        assertState(order, Settlement.OrderState.Void);
        assertEq(stake.partyOf(worker).holds, 0, "released");
        assertEq(escrow.channelOf(client, worker).holds, 0, "released");
        assertEq(court.creditOf(juror), 20, "the juror is paid");
    }
}
