// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order, Receipt} from "../src/AssayTypes.sol";
import {Credits} from "../src/Credits.sol";
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
        expectRevert(abi.encodeWithSelector(Credits.ZeroAmount.selector));
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

    function test_withdraw_of_a_channel_that_was_claimed_empty_is_refused() public {
        vm.prank(client);
        escrow.requestWithdraw(worker);
        vm.prank(address(settlement));
        escrow.debit(client, worker, 1000);
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

    function test_only_the_settlement_debits_and_holds() public {
        bytes memory refused = abi.encodeWithSelector(Escrow.NotAllowed.selector, worker);
        vm.startPrank(worker);
        expectRevert(refused);
        escrow.debit(client, worker, 1);
        expectRevert(refused);
        escrow.hold(client, worker);
        expectRevert(refused);
        escrow.release(client, worker);
    }

    function test_debit_moves_to_the_workers_credit() public {
        vm.prank(address(settlement));
        escrow.debit(client, worker, 300);
        assertEq(balance(), 700, "channel");
        uint256 before = token.balanceOf(worker);
        vm.expectEmit(address(escrow));
        emit Credits.Withdrawn(worker, 300);
        vm.prank(worker);
        escrow.withdrawCredit();
        assertEq(token.balanceOf(worker), before + 300, "paid");
    }

    function test_debit_beyond_the_channel_is_refused() public {
        expectRevert(abi.encodeWithSelector(Escrow.ChannelTooSmall.selector, client, worker, 1001, 1000));
        vm.prank(address(settlement));
        escrow.debit(client, worker, 1001);
    }

    function testFuzz_a_channel_gives_what_it_took(uint128 amount, uint128 debited) public {
        amount = uint128(bound(amount, 1, FUNDS / 2));
        debited = uint128(bound(debited, 0, amount));
        vm.prank(client);
        escrow.deposit(stranger, amount);
        vm.prank(address(settlement));
        escrow.debit(client, stranger, debited);
        assertEq(escrow.creditOf(stranger) + escrow.channelOf(client, stranger).balance, amount, "sum");
    }

    /// The client asks for its money back and the worker claims in time.
    function test_attack_withdraw_race_against_an_outstanding_claim() public {
        Order memory order = makeOrder(1);
        Receipt memory receipt = makeReceipt(order);
        vm.prank(client);
        escrow.requestWithdraw(worker);
        uint256 requested = vm.getBlockNumber();
        // The worker notices late: one window to post, one to wait, one to claim.
        forward(WINDOW);
        post(receipt);
        forward(WINDOW);
        assertTrue(vm.getBlockNumber() < requested + WITHDRAW, "still time");
        settlement.claim(claimOf(order, receipt));
        assertEq(escrow.creditOf(worker), PRICE, "credited");
        vm.roll(requested + WITHDRAW);
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000 - PRICE, "only the rest");
    }

    /// The client's confederate contests the receipt, until the withdrawal is due.
    function test_attack_contesting_until_the_withdrawal_is_due() public {
        Order memory order = makeOrder(1);
        Receipt memory receipt = makeReceipt(order);
        post(receipt);
        vm.prank(client);
        escrow.requestWithdraw(worker);
        uint256 requested = vm.getBlockNumber();
        forward(WINDOW - 1);
        uint256 caseId = challengeBy(verifier, order, receipt);
        for (uint256 i = 0; i < 2; ++i) {
            drawNow(caseId);
            forward(RULING + 1);
            court.redraw(caseId);
        }
        assertTrue(vm.getBlockNumber() > requested + WITHDRAW, "due");
        expectRevert(abi.encodeWithSelector(Escrow.HeldByChallenge.selector, 1));
        vm.prank(client);
        escrow.withdraw(worker);
        rule(caseId, false);
        uint64 from = uint64(vm.getBlockNumber()) + 2 * WINDOW;
        expectRevert(abi.encodeWithSelector(Escrow.WithdrawTooEarly.selector, from));
        vm.prank(client);
        escrow.withdraw(worker);
        forward(WINDOW);
        settlement.claim(claimOf(order, receipt));
        assertEq(escrow.creditOf(worker), PRICE, "credited");
        vm.roll(from);
        vm.prank(client);
        assertEq(escrow.withdraw(worker), 1000 - PRICE, "only the rest");
        assertState(order, Settlement.OrderState.Claimed);
    }
}
