// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

contract EscrowTest is Network {
    function balance() private view returns (uint256) {
        return escrow.channelOf(client, worker).balance;
    }

    function test_deposit_fills_one_channel_only() public {
        vm.expectEmit(address(escrow));
        emit Escrow.ChannelDeposited(client, stranger, 7, 7);
        vm.prank(client);
        escrow.deposit(stranger, 7);
        assertEq(balance(), 1000, "the other channel");
        assertEq(token.balanceOf(address(escrow)), 1007, "tokens");
    }

    function test_deposit_of_nothing_is_refused() public {
        expectRevert(abi.encodeWithSelector(Escrow.ZeroAmount.selector));
        escrow.deposit(worker, 0);
    }

    function test_withdraw_needs_a_request() public {
        expectRevert(abi.encodeWithSelector(Escrow.WithdrawNotRequested.selector, client, worker));
        vm.prank(client);
        escrow.withdraw(worker);
    }

    function test_request_on_an_empty_channel_is_refused() public {
        expectRevert(abi.encodeWithSelector(Escrow.ChannelEmpty.selector, client, stranger));
        vm.prank(client);
        escrow.requestWithdraw(stranger);
    }

    function test_withdraw_waits_for_exactly_the_withdraw_blocks() public {
        vm.startPrank(client);
        uint64 from = uint64(vm.getBlockNumber()) + WITHDRAW;
        vm.expectEmit(address(escrow));
        emit Escrow.ChannelWithdrawRequested(client, worker, from);
        escrow.requestWithdraw(worker);
        forward(WITHDRAW - 1);
        expectRevert(abi.encodeWithSelector(Escrow.WithdrawTooEarly.selector, from));
        escrow.withdraw(worker);
        forward(1);
        vm.expectEmit(address(escrow));
        emit Escrow.ChannelWithdrawn(client, worker, 1000);
        assertEq(escrow.withdraw(worker), 1000, "returned");
        assertEq(token.balanceOf(client), FUNDS, "paid");
        expectRevert(abi.encodeWithSelector(Escrow.WithdrawNotRequested.selector, client, worker));
        escrow.withdraw(worker);
    }

    function test_a_deposit_takes_the_request_back() public {
        vm.startPrank(client);
        escrow.requestWithdraw(worker);
        escrow.deposit(worker, 1);
        forward(WITHDRAW);
        expectRevert(abi.encodeWithSelector(Escrow.WithdrawNotRequested.selector, client, worker));
        escrow.withdraw(worker);
    }

    function test_withdraw_of_a_channel_that_was_paid_empty_is_refused() public {
        vm.prank(client);
        escrow.requestWithdraw(worker);
        redeem(makeVoucher(1, 1000));
        forward(WITHDRAW);
        expectRevert(abi.encodeWithSelector(Escrow.ChannelEmpty.selector, client, worker));
        vm.prank(client);
        escrow.withdraw(worker);
    }

    function test_nobody_else_withdraws_a_channel() public {
        vm.prank(client);
        escrow.requestWithdraw(worker);
        forward(WITHDRAW);
        expectRevert(abi.encodeWithSelector(Escrow.WithdrawNotRequested.selector, stranger, worker));
        vm.prank(stranger);
        escrow.withdraw(worker);
    }

    function test_only_the_settlement_moves_and_holds() public {
        bytes memory refused = abi.encodeWithSelector(Escrow.NotAllowed.selector, worker);
        vm.startPrank(worker);
        expectRevert(refused);
        escrow.redeem(worker, alone(makeVoucher(1, 1)));
        expectRevert(refused);
        escrow.payReceipt(client, worker, 1, 1);
        expectRevert(refused);
        escrow.hold(client, worker);
        expectRevert(refused);
        escrow.release(client, worker);
        expectRevert(refused);
        escrow.forfeit(client, worker, false);
    }

    function test_payment_beyond_the_channel_is_refused() public {
        expectRevert(abi.encodeWithSelector(Escrow.ChannelTooSmall.selector, client, worker, 1001, 1000));
        vm.prank(address(settlement));
        escrow.payReceipt(client, worker, 1, 1001);
    }

    function testFuzz_a_channel_gives_what_it_took(uint128 amount, uint128 granted) public {
        amount = uint128(bound(amount, 1, FUNDS / 2));
        granted = uint128(bound(granted, 0, 2 * uint256(amount)));
        vm.prank(client);
        escrow.deposit(stranger, amount);
        uint256 before = token.balanceOf(stranger);
        vm.prank(address(settlement));
        escrow.redeem(stranger, alone(Voucher(client, stranger, 1, granted)));
        uint256 got = token.balanceOf(stranger) - before;
        assertEq(got, granted < amount ? granted : amount, "what fits");
        assertEq(got + escrow.channelOf(client, stranger).balance, amount, "sum");
    }

    function forfeit() private {
        vm.prank(address(settlement));
        escrow.forfeit(client, worker, false);
    }

    function test_a_forfeited_channel_is_the_clients_at_once() public {
        vm.expectEmit(address(escrow));
        emit Escrow.ChannelForfeited(client, worker, 1000);
        forfeit();
        assertEq(escrow.settledBelow(client, worker), type(uint64).max, "nothing is open");
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000, "without a request");
        expectRevert(abi.encodeWithSelector(Escrow.ChannelEmpty.selector, client, worker));
        vm.prank(client);
        escrow.withdraw(worker);
    }

    function test_a_forfeited_channel_never_pays_again() public {
        Voucher memory voucher = makeVoucher(9, 500);
        post(voucher);
        forfeit();
        forward(WINDOW);
        assertEq(pay(voucher), 0, "also what was posted before");
        assertEq(earned(), 0, "nothing");
        expectRevert(abi.encodeWithSelector(Escrow.ChannelIsForfeited.selector, client, worker));
        vm.prank(address(settlement));
        escrow.payReceipt(client, worker, 1, 1);
        expectRevert(abi.encodeWithSelector(Escrow.ChannelIsForfeited.selector, client, worker));
        vm.prank(client);
        escrow.deposit(worker, 1);
        assertEq(escrow.channelOf(client, stranger).forfeited ? 1 : 0, 0, "others are not");
    }

    function test_a_channel_is_forfeited_once() public {
        forfeit();
        vm.recordLogs();
        forfeit();
        assertEq(vm.getRecordedLogs().length, 0, "nothing new");
        assertEq(balance(), 1000, "as before");
    }

    /// Two cases at once: the first is lost by fraud, and the money waits for the second.
    function test_a_forfeited_channel_waits_for_its_other_cases() public {
        Order memory order = makeOrder(1);
        Order memory other = makeOrder(2);
        uint256 first = challengeBy(verifier, order, makeReceipt(order));
        uint256 second = challengeBy(verifier, other, makeReceipt(other));
        rule(first, true);
        expectRevert(abi.encodeWithSelector(Escrow.HeldByChallenge.selector, 1));
        vm.prank(client);
        escrow.withdraw(worker);
        rule(second, false);
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000, "all of it");
    }

    /// The client asks for its money back and the worker redeems in time.
    function test_attack_withdraw_race_against_a_voucher() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        vm.prank(client);
        escrow.requestWithdraw(worker);
        uint256 requested = vm.getBlockNumber();
        // The worker notices late: one window to post, one to wait.
        forward(WINDOW);
        post(voucher);
        forward(WINDOW);
        assertTrue(vm.getBlockNumber() < requested + WITHDRAW, "still time");
        assertEq(pay(voucher), PRICE, "paid");
        vm.roll(requested + WITHDRAW);
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000 - PRICE, "only the rest");
    }

    /// The client's confederate contests the receipt, until the withdrawal is due.
    function test_attack_contesting_until_the_withdrawal_is_due() public {
        Order memory order = makeOrder(1);
        Receipt memory receipt = makeReceipt(order);
        Voucher memory voucher = makeVoucher(2, PRICE);
        post(voucher);
        vm.prank(client);
        escrow.requestWithdraw(worker);
        uint256 requested = vm.getBlockNumber();
        forward(WINDOW - 1);
        uint256 caseId = challengeBy(verifier, order, receipt);
        for (uint256 i = 0; i < 2; ++i) {
            forward(1 + RULING);
            court.draw(caseId);
            forward(RULING + 1);
            court.redraw(caseId);
        }
        assertTrue(vm.getBlockNumber() > requested + WITHDRAW, "due");
        expectRevert(abi.encodeWithSelector(Escrow.HeldByChallenge.selector, 1));
        vm.prank(client);
        escrow.withdraw(worker);
        assertEq(pay(voucher), 0, "nor is the worker paid");
        rule(caseId, false);
        uint64 from = uint64(vm.getBlockNumber()) + 2 * WINDOW;
        expectRevert(abi.encodeWithSelector(Escrow.WithdrawTooEarly.selector, from));
        vm.prank(client);
        escrow.withdraw(worker);
        forward(WINDOW - 1);
        assertEq(pay(voucher), 0, "others may challenge first");
        forward(1);
        assertEq(pay(voucher), PRICE, "paid");
        vm.roll(from);
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000 - PRICE, "only the rest");
        assertState(order, Settlement.OrderState.Open);
    }

    /// The end of a case is no request to withdraw.
    function test_a_released_hold_opens_no_withdrawal() public {
        Order memory order = makeOrder(1);
        rule(challengeBy(verifier, order, makeReceipt(order)), false);
        forward(WITHDRAW);
        expectRevert(abi.encodeWithSelector(Escrow.WithdrawNotRequested.selector, client, worker));
        vm.prank(client);
        escrow.withdraw(worker);
    }

    /// A later case that ends sooner than a withdrawal is due does not bring it forward.
    function test_a_released_hold_never_brings_a_withdrawal_forward() public {
        Order memory order = makeOrder(1);
        uint256 caseId = challengeBy(verifier, order, makeReceipt(order));
        vm.prank(client);
        escrow.requestWithdraw(worker);
        uint64 from = escrow.channelOf(client, worker).withdrawableFrom;
        rule(caseId, false);
        assertEq(escrow.channelOf(client, worker).withdrawableFrom, from, "as it was");
    }
}
