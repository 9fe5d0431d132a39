// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Delivery, Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

/// @notice Receipts that get no voucher: published, and paid later (spec/04 §4.5).
contract PublicationTest is Network {
    Order private order;
    Receipt private receipt;

    function setUp() public override {
        super.setUp();
        order = makeOrder(1);
        receipt = makeReceipt(order);
    }

    function test_a_published_receipt_is_paid_after_its_time() public {
        bytes32 hash = settlement.hashReceipt(receipt);
        uint64 from = uint64(vm.getBlockNumber()) + PUBLICATION;
        Delivery memory delivery = makeDelivery(receipt);
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        bytes memory deliverySignature = signDelivery(delivery);
        vm.expectEmit(address(settlement));
        emit Settlement.ReceiptPublished(hash, client, worker, from, receipt, receiptSignature);
        vm.prank(stranger);
        settlement.publish(order, orderSignature, receipt, receiptSignature, delivery, deliverySignature);
        Settlement.OrderRecord memory record = settlement.orderOf(receipt.orderHash);
        assertEq(record.published, hash, "published");
        assertEq(record.payableFrom, from, "payable from");
        forward(PUBLICATION - 1);
        payFails(order, receipt, abi.encodeWithSelector(Settlement.WindowOpen.selector, from));
        forward(1);
        uint256 before = token.balanceOf(worker);
        vm.expectEmit(address(settlement));
        emit Settlement.ReceiptPaid(hash, client, worker, receipt.orderHash, PRICE);
        payReceipt(order, receipt);
        assertEq(token.balanceOf(worker) - before, PRICE, "paid");
        assertEq(earned(), PRICE, "counts");
        assertEq(escrow.channelOf(client, worker).balance, 1000 - PRICE, "channel");
        assertState(order, Settlement.OrderState.Paid);
    }

    function test_attack_paid_twice() public {
        publish(order, receipt);
        forward(PUBLICATION);
        payReceipt(order, receipt);
        bytes memory refused = abi.encodeWithSelector(Settlement.OrderPaid.selector, receipt.orderHash);
        payFails(order, receipt, refused);
        publishFails(order, receipt, refused);
    }

    function test_attack_paid_without_being_published() public {
        payFails(
            order,
            receipt,
            abi.encodeWithSelector(
                Settlement.NotPublished.selector, receipt.orderHash, settlement.hashReceipt(receipt)
            )
        );
        publish(order, receipt);
        forward(PUBLICATION);
        receipt.price += 1;
        payFails(
            order,
            receipt,
            abi.encodeWithSelector(
                Settlement.NotPublished.selector, receipt.orderHash, settlement.hashReceipt(receipt)
            )
        );
    }

    function test_an_order_is_published_once() public {
        publish(order, receipt);
        bytes32 first = settlement.hashReceipt(receipt);
        receipt.completedAt -= 1;
        publishFails(
            order,
            receipt,
            abi.encodeWithSelector(Settlement.AlreadyPublished.selector, receipt.orderHash, first)
        );
    }

    /// The client signed for other tokens, another number of them, or another order.
    function test_attack_a_receipt_for_what_was_not_delivered() public {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        bytes memory refused = abi.encodeWithSelector(Settlement.DeliveryMismatch.selector, receipt.orderHash);
        Delivery[3] memory wrong = [makeDelivery(receipt), makeDelivery(receipt), makeDelivery(receipt)];
        wrong[0].outputCommitment = keccak256("other tokens, or another salt");
        wrong[1].outputTokens -= 1;
        wrong[2].orderHash = keccak256("another order");
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory signature = signDelivery(wrong[i]);
            expectRevert(refused);
            settlement.publish(order, orderSignature, receipt, receiptSignature, wrong[i], signature);
        }
    }

    function test_attack_a_delivery_that_the_client_did_not_sign() public {
        Delivery memory delivery = makeDelivery(receipt);
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        bytes memory forged = sign(WORKER_KEY, settlement.hashDelivery(delivery));
        expectRevert(abi.encodeWithSelector(Settlement.SignatureInvalid.selector, client));
        settlement.publish(order, orderSignature, receipt, receiptSignature, delivery, forged);
    }

    function test_a_worker_without_stake_publishes_nothing() public {
        vm.prank(worker);
        stake.requestUnbond(1);
        publishFails(order, receipt, abi.encodeWithSelector(Settlement.NotActive.selector, worker));
    }

    /// Publish, unbond at once, and hope to be gone before the last challenge.
    function test_attack_unbonding_before_it_is_paid() public {
        publish(order, receipt);
        vm.prank(worker);
        stake.requestUnbond(MIN_STAKE);
        forward(PUBLICATION - 1);
        uint256 caseId = challengeBy(verifier, order, receipt);
        rule(caseId, true);
        assertEq(stake.creditOf(verifier), 400, "slashed");
        forward(1);
        payFails(order, receipt, abi.encodeWithSelector(Settlement.OrderVoid.selector, receipt.orderHash));
    }

    /// The voucher that covers the order, and then the order by itself.
    function test_attack_double_payment_by_voucher_and_publication() public {
        publish(order, receipt);
        redeem(makeVoucher(2, PRICE));
        forward(PUBLICATION);
        payFails(
            order, receipt, abi.encodeWithSelector(Settlement.OrderSettled.selector, receipt.orderHash, 1, 2)
        );
        Order memory earlier = makeOrder(0);
        publishFails(
            earlier,
            makeReceipt(earlier),
            abi.encodeWithSelector(Settlement.OrderSettled.selector, settlement.hashOrder(earlier), 0, 2)
        );
        assertEq(earned(), PRICE, "once");
    }

    /// The order by itself, and then the voucher that covers it.
    function test_attack_double_payment_by_publication_and_voucher() public {
        publish(order, receipt);
        forward(PUBLICATION);
        payReceipt(order, receipt);
        assertEq(redeem(makeVoucher(2, PRICE)), 0, "nothing more");
        assertEq(redeem(makeVoucher(3, 2 * PRICE)), PRICE, "only what is new");
        assertEq(earned(), 2 * PRICE, "altogether");
    }

    function test_the_first_order_that_is_open_can_be_published() public {
        redeem(makeVoucher(1, 0));
        publish(order, receipt);
        forward(PUBLICATION);
        payReceipt(order, receipt);
        assertEq(earned(), PRICE, "paid");
    }

    function test_attack_paid_while_contested() public {
        publish(order, receipt);
        forward(PUBLICATION);
        uint256 caseId = challengeBy(verifier, order, receipt);
        bytes memory refused = abi.encodeWithSelector(Settlement.OrderContested.selector, receipt.orderHash);
        payFails(order, receipt, refused);
        rule(caseId, false);
        uint64 from = uint64(vm.getBlockNumber()) + WINDOW;
        payFails(order, receipt, abi.encodeWithSelector(Settlement.WindowOpen.selector, from));
        forward(WINDOW);
        payReceipt(order, receipt);
        assertEq(earned(), PRICE, "paid in the end");
    }

    /// A challenge made to fail early does not shorten the time of those who look later.
    function test_a_failed_challenge_never_makes_it_payable_sooner() public {
        publish(order, receipt);
        uint64 from = uint64(vm.getBlockNumber()) + PUBLICATION;
        rule(challengeBy(verifier, order, receipt), false);
        assertEq(settlement.orderOf(receipt.orderHash).payableFrom, from, "as it was");
    }

    /// While one receipt of the channel is contested, no other is paid: it may be about to be forfeited.
    function test_another_contested_receipt_holds_the_channel() public {
        publish(order, receipt);
        forward(PUBLICATION);
        Order memory other = makeOrder(2);
        uint256 caseId = challengeBy(verifier, other, makeReceipt(other));
        payFails(order, receipt, abi.encodeWithSelector(Escrow.HeldByChallenge.selector, 1));
        rule(caseId, false);
        uint64 from = uint64(vm.getBlockNumber()) + WINDOW;
        payFails(order, receipt, abi.encodeWithSelector(Escrow.ChannelNotPayable.selector, from));
        forward(WINDOW);
        payReceipt(order, receipt);
    }

    function test_a_channel_that_is_too_small_pays_later() public {
        redeem(makeVoucher(1, 950));
        publish(order, receipt);
        forward(PUBLICATION);
        payFails(
            order, receipt, abi.encodeWithSelector(Escrow.ChannelTooSmall.selector, client, worker, PRICE, 50)
        );
        vm.prank(client);
        escrow.deposit(worker, 50);
        payReceipt(order, receipt);
        assertEq(escrow.channelOf(client, worker).balance, 0, "all of it");
    }

    /// The client asks for its money back, gives no voucher, and the worker still has the time it takes.
    function test_attack_withdrawing_instead_of_giving_a_voucher() public {
        vm.prank(client);
        escrow.requestWithdraw(worker);
        uint256 requested = vm.getBlockNumber();
        // The worker notices late.
        forward(2 * WINDOW - 1);
        publish(order, receipt);
        forward(PUBLICATION);
        assertTrue(vm.getBlockNumber() < requested + WITHDRAW, "still time");
        payReceipt(order, receipt);
        vm.roll(requested + WITHDRAW);
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000 - PRICE, "only the rest");
    }

    function test_a_cut_answer_is_paid_for_what_was_delivered() public {
        (receipt.finishReason, receipt.outputTokens, receipt.price) = (3, 4, 40);
        publish(order, receipt);
        forward(PUBLICATION);
        payReceipt(order, receipt);
        assertEq(earned(), 40, "10 * 2 + 4 * 5");
    }

    function testFuzz_paid_once_in_any_order(uint256 seed) public {
        uint256 paid = 0;
        bool published = false;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 step = uint256(keccak256(abi.encode(seed, i))) % 3;
            if (step == 0 && !published && escrow.settledBelow(client, worker) <= 1) {
                publish(order, receipt);
                published = true;
            } else if (step == 1) {
                // Another amount each time, so that each batch is a new one; none above the price.
                paid += redeem(makeVoucher(2, PRICE - uint128(i)));
            } else if (published) {
                forward(PUBLICATION);
                vm.prank(worker);
                try settlement.payPublished(order, receipt) {
                    paid += PRICE;
                } catch {}
            }
        }
        assertTrue(paid <= PRICE, "at most once");
        assertEq(earned(), paid, "as counted");
    }
}
