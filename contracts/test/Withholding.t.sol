// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

/// @notice A client that has its answers, and tries everything not to pay for them (spec/04 §4.3, §4.5). The worker
/// ends up with exactly what it has earned, and never with more.
contract WithholdingTest is Network {
    function orderAt(uint256 sequence) private view returns (Order memory, Receipt memory) {
        Order memory order = makeOrder(sequence);
        return (order, makeReceipt(order));
    }

    function publishAt(uint256 sequence) private {
        (Order memory order, Receipt memory receipt) = orderAt(sequence);
        publish(order, receipt);
    }

    function payAt(uint256 sequence) private {
        (Order memory order, Receipt memory receipt) = orderAt(sequence);
        payReceipt(order, receipt);
    }

    function balance() private view returns (uint256) {
        return token.balanceOf(worker) + MIN_STAKE - FUNDS;
    }

    /// No voucher, a withdrawal, and a confederate that contests the order before it is published: the case
    /// outlasts the time to withdraw, and the four windows of a publication would only begin when it ends.
    function test_attack_contesting_an_order_before_it_is_published() public {
        (Order memory order, Receipt memory receipt) = orderAt(1);
        vm.prank(client);
        escrow.requestWithdraw(worker);
        uint256 requested = vm.getBlockNumber();
        uint256 caseId = challengeBy(verifier, order, receipt);
        forward(2 * WINDOW - 1);
        publish(order, receipt);
        payFails(order, receipt, abi.encodeWithSelector(Settlement.OrderContested.selector, receipt.orderHash));
        // The draw came late: a seat is lost, and so are the next two.
        for (uint256 i = 0; i < 3; ++i) {
            court.draw(caseId);
            forward(2 + RULING);
        }
        assertTrue(vm.getBlockNumber() > requested + WITHDRAW - WINDOW, "almost due");
        uint64 from = escrow.channelOf(client, worker).withdrawableFrom;
        vm.roll(from - 1);
        payReceipt(order, receipt);
        vm.roll(from);
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000 - PRICE, "only the rest");
    }

    /// Order 5 is paid by itself. A voucher for the orders before it comes later, and is worth all it says.
    function test_attack_a_voucher_that_leaves_out_what_was_published() public {
        publishAt(5);
        forward(PUBLICATION);
        payAt(5);
        assertEq(redeem(makeVoucher(5, 300)), 300, "in full");
        Escrow.Channel memory channel = escrow.channelOf(client, worker);
        assertEq(channel.paid, 300, "by the voucher");
        assertEq(channel.ahead, PRICE, "by itself");
        // The next one covers both, and says so.
        assertEq(redeem(makeVoucher(6, 300 + PRICE)), 0, "nothing new");
        channel = escrow.channelOf(client, worker);
        assertEq(channel.paid, 300 + PRICE, "all");
        assertEq(channel.ahead + channel.aheadFrom + channel.aheadBelow, 0, "covered");
        assertEq(redeem(makeVoucher(7, 500)), 100, "what is new");
    }

    function test_an_order_published_ahead_is_paid_once_whatever_comes_first() public {
        redeem(makeVoucher(5, 300));
        publishAt(5);
        forward(PUBLICATION);
        payAt(5);
        assertEq(earned(), 400, "both");
        // Stale, and another that leaves the published one out again.
        assertEq(redeem(makeVoucher(3, 200)), 0, "stale");
        assertEq(redeem(makeVoucher(5, 310)), 10, "ten more for the orders before");
        assertEq(redeem(makeVoucher(6, 400)), 0, "ten less than that");
        assertEq(redeem(makeVoucher(6, 411)), 1, "one more");
        assertEq(earned(), 411, "altogether");
    }

    /// Orders 5 and 7 are paid by themselves, the voucher covers 5 only: it counts both, and the next one, which
    /// covers both, makes up for it. So nobody is paid twice, and nothing is lost.
    function test_a_voucher_between_two_published_orders() public {
        publishAt(7);
        publishAt(5);
        forward(PUBLICATION);
        payAt(7);
        payAt(5);
        Escrow.Channel memory channel = escrow.channelOf(client, worker);
        assertEq(channel.aheadFrom, 5, "from");
        assertEq(channel.aheadBelow, 8, "to");
        assertEq(redeem(makeVoucher(6, 300)), 100, "300, less 200");
        assertEq(redeem(makeVoucher(7, 300)), 0, "nor more in a second step");
        assertEq(redeem(makeVoucher(8, 400)), 100, "the rest");
        assertEq(earned(), 400, "altogether");
    }

    /// One after the other: a voucher between them leaves the second one out.
    function test_two_published_orders_in_a_row() public {
        publishAt(5);
        publishAt(6);
        forward(PUBLICATION);
        payAt(5);
        payAt(6);
        Escrow.Channel memory channel = escrow.channelOf(client, worker);
        assertEq(channel.aheadFrom, 5, "from");
        assertEq(channel.aheadBelow, 7, "to");
        redeem(makeVoucher(6, 300));
        assertEq(escrow.channelOf(client, worker).ahead, 2 * PRICE, "not covered yet");
        assertEq(redeem(makeVoucher(7, 400)), 100, "covered");
        assertEq(earned(), 400, "altogether");
    }

    /// A published receipt that costs nothing is covered like any other.
    function test_a_published_receipt_without_a_price() public {
        (Order memory order,) = orderAt(5);
        (order.promptPrice, order.outputPrice) = (0, 0);
        Receipt memory receipt = makeReceipt(order);
        publish(order, receipt);
        forward(PUBLICATION);
        payReceipt(order, receipt);
        publishAt(7);
        forward(PUBLICATION);
        payAt(7);
        assertEq(redeem(makeVoucher(5, 300)), 300, "before both");
        redeem(makeVoucher(8, 400));
        assertEq(escrow.channelOf(client, worker).aheadBelow, 0, "covered");
        assertEq(earned(), 400, "altogether");
    }

    /// The client has 5 and 7 paid in the moment when its voucher, which covers 5, could be redeemed as well.
    function test_attack_having_a_published_receipt_paid_before_the_voucher() public {
        Voucher memory voucher = makeVoucher(6, 400);
        publishAt(5);
        publishAt(7);
        post(voucher);
        forward(PUBLICATION);
        (Order memory order, Receipt memory receipt) = orderAt(7);
        expectRevert(abi.encodeWithSelector(Settlement.NotWorker.selector, client, worker));
        vm.prank(client);
        settlement.payPublished(order, receipt);
        // The worker does it in the order that pays.
        assertEq(pay(voucher), 400, "the voucher");
        payAt(7);
        assertEq(earned(), 500, "altogether");
    }

    /// No voucher can settle the largest sequence: an order with it would outlive a forfeit.
    function test_attack_an_order_that_no_voucher_can_settle() public {
        (Order memory order, Receipt memory receipt) = orderAt(type(uint64).max);
        bytes memory refused =
            abi.encodeWithSelector(Settlement.OrderSettled.selector, receipt.orderHash, type(uint64).max, 0);
        publishFails(order, receipt, refused);
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        expectRevert(refused);
        vm.prank(verifier);
        settlement.challenge(order, orderSignature, receipt, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT);
        (order, receipt) = orderAt(type(uint64).max - 1);
        publish(order, receipt);
        forward(PUBLICATION);
        payReceipt(order, receipt);
        assertEq(redeem(makeVoucher(type(uint64).max, PRICE)), 0, "the last one that can be");
        assertEq(escrow.channelOf(client, worker).ahead, 0, "covered");
    }

    /// A worker that was found at fraud has a confederate contest another order, so that the client waits.
    function test_attack_holding_a_forfeited_channel() public {
        (Order memory order, Receipt memory receipt) = orderAt(1);
        rule(challengeBy(verifier, order, receipt), true);
        (Order memory other, Receipt memory honest) = orderAt(2);
        bytes memory orderSignature = signOrder(other);
        bytes memory receiptSignature = signReceipt(honest);
        bytes memory refused = abi.encodeWithSelector(
            Settlement.OrderSettled.selector, honest.orderHash, 2, type(uint64).max
        );
        expectRevert(refused);
        vm.prank(jurors[0]);
        settlement.challenge(other, orderSignature, honest, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT);
        bond(worker);
        publishFails(other, honest, refused);
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000, "at once");
    }

    /// Published before the fraud was found, due after it.
    function test_attack_paid_from_a_forfeited_channel_for_what_was_published_before() public {
        publishAt(2);
        (Order memory order, Receipt memory receipt) = orderAt(1);
        rule(challengeBy(verifier, order, receipt), true);
        forward(PUBLICATION);
        (Order memory other, Receipt memory honest) = orderAt(2);
        payFails(
            other,
            honest,
            abi.encodeWithSelector(Settlement.OrderSettled.selector, honest.orderHash, 2, type(uint64).max)
        );
        assertEq(earned(), 0, "nothing");
    }

    /// Fraud towards one client, or of one worker, forfeits that channel and no other.
    function test_a_forfeit_is_of_one_channel() public {
        vm.prank(client);
        escrow.deposit(verifier, 300);
        (Order memory order, Receipt memory receipt) = orderAt(1);
        rule(challengeBy(jurors[0], order, receipt), true);
        assertTrue(escrow.channelOf(client, worker).forfeited, "this one");
        assertTrue(!escrow.channelOf(client, verifier).forfeited, "not another worker's");
        Voucher memory voucher = Voucher(client, verifier, 2, 300);
        bytes[] memory signatures = signVoucher(voucher);
        vm.prank(verifier);
        settlement.postBatch(ROOT, 1, keccak256(abi.encode(alone(voucher))));
        forward(WINDOW);
        assertEq(settlement.payBatch(verifier, ROOT, 1, alone(voucher), signatures), 300, "paid");
    }

    /// The client asks for its money, then makes the first case fail just before the money is due, and a second
    /// one after it: the worker is paid in between.
    function test_attack_one_false_challenge_after_another() public {
        (Order memory order, Receipt memory receipt) = orderAt(1);
        publish(order, receipt);
        vm.prank(client);
        escrow.requestWithdraw(worker);
        forward(PUBLICATION - 1);
        for (uint256 i = 0; i < 2; ++i) {
            rule(challengeBy(i == 0 ? verifier : jurors[0], order, receipt), false);
        }
        uint64 from = uint64(vm.getBlockNumber()) + WINDOW;
        payFails(order, receipt, abi.encodeWithSelector(Settlement.WindowOpen.selector, from));
        vm.roll(from);
        assertTrue(from < escrow.channelOf(client, worker).withdrawableFrom, "before the client");
        payReceipt(order, receipt);
        assertEq(court.creditOf(worker), 80, "and its share of both bonds");
    }
}
