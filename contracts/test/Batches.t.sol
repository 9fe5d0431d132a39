// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Deployment} from "../src/Deployment.sol";
import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

/// @notice Posting batches, and paying them by vouchers (spec/04 §4.4).
contract BatchesTest is Network {
    function payFails(Voucher memory voucher, bytes memory revertData) private {
        bytes[] memory signatures = signVoucher(voucher);
        expectRevert(revertData);
        settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
    }

    function test_posting_needs_active_stake() public {
        expectRevert(abi.encodeWithSelector(Settlement.NotActive.selector, stranger));
        vm.prank(stranger);
        settlement.postBatch(ROOT, 1, bytes32(0));
        vm.startPrank(worker);
        stake.requestUnbond(1);
        expectRevert(abi.encodeWithSelector(Settlement.NotActive.selector, worker));
        settlement.postBatch(ROOT, 1, bytes32(0));
    }

    function test_posting_announces_the_batch() public {
        bytes32 vouchersHash = keccak256("vouchers");
        bytes32 id = settlement.batchIdOf(worker, ROOT, 3, vouchersHash);
        assertEq(id, keccak256(abi.encode(worker, ROOT, uint32(3), vouchersHash)), "id");
        vm.expectEmit(address(settlement));
        emit Settlement.BatchPosted(id, worker, ROOT, 3, vouchersHash, uint64(vm.getBlockNumber()) + WINDOW);
        vm.prank(worker);
        assertEq(settlement.postBatch(ROOT, 3, vouchersHash), id, "returned");
        assertEq(settlement.postedAt(id), vm.getBlockNumber(), "posted at");
    }

    function test_an_empty_batch_is_refused() public {
        expectRevert(abi.encodeWithSelector(Settlement.BatchEmpty.selector));
        vm.prank(worker);
        settlement.postBatch(ROOT, 0, bytes32(0));
    }

    function test_a_batch_is_posted_once() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        bytes32 id = post(voucher);
        bytes32 vouchersHash = keccak256(abi.encode(alone(voucher)));
        forward(WINDOW);
        expectRevert(abi.encodeWithSelector(Settlement.BatchAlreadyPosted.selector, id));
        vm.prank(worker);
        settlement.postBatch(ROOT, 1, vouchersHash);
    }

    function test_a_voucher_pays_the_worker() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        bytes32 id = post(voucher);
        forward(WINDOW);
        uint256 before = token.balanceOf(worker);
        bytes[] memory signatures = signVoucher(voucher);
        vm.expectEmit(address(escrow));
        emit Escrow.VoucherRedeemed(client, worker, 2, PRICE, PRICE);
        vm.expectEmit(address(settlement));
        emit Settlement.BatchPaid(id, worker, PRICE);
        vm.prank(stranger);
        assertEq(settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures), PRICE, "returned");
        assertEq(token.balanceOf(worker) - before, PRICE, "paid");
        Escrow.Channel memory channel = escrow.channelOf(client, worker);
        assertEq(channel.balance, 1000 - PRICE, "channel");
        assertEq(channel.paid, PRICE, "paid so far");
        assertEq(channel.settledBelow, 2, "settled");
        assertEq(token.balanceOf(address(escrow)), 1000 - PRICE, "tokens");
    }

    function test_vouchers_are_cumulative() public {
        assertEq(redeem(makeVoucher(2, 100)), 100, "first");
        assertEq(redeem(makeVoucher(5, 250)), 150, "only what is new");
        assertEq(earned(), 250, "altogether");
        assertEq(escrow.channelOf(client, worker).settledBelow, 5, "settled");
    }

    function test_attack_redeeming_a_voucher_twice() public {
        Voucher memory voucher = makeVoucher(2, 100);
        redeem(voucher);
        assertEq(pay(voucher), 0, "again");
        // The same one in another batch.
        bytes32 vouchersHash = keccak256(abi.encode(alone(voucher)));
        vm.prank(worker);
        settlement.postBatch(keccak256("another root"), 1, vouchersHash);
        forward(WINDOW);
        bytes[] memory signatures = signVoucher(voucher);
        assertEq(
            settlement.payBatch(worker, keccak256("another root"), 1, alone(voucher), signatures), 0, "in another"
        );
        // Twice in one batch.
        Voucher[] memory twice = new Voucher[](2);
        (twice[0], twice[1]) = (makeVoucher(9, 200), makeVoucher(9, 200));
        bytes[] memory both = new bytes[](2);
        (both[0], both[1]) = (signVoucher(twice[0])[0], signVoucher(twice[1])[0]);
        vm.prank(worker);
        settlement.postBatch(ROOT, 2, keccak256(abi.encode(twice)));
        forward(WINDOW);
        assertEq(settlement.payBatch(worker, ROOT, 2, twice, both), 100, "once");
        assertEq(earned(), 200, "altogether");
    }

    function test_an_earlier_voucher_after_a_later_one_changes_nothing() public {
        redeem(makeVoucher(9, 300));
        assertEq(redeem(makeVoucher(2, 100)), 0, "stale");
        assertEq(earned(), 300, "paid");
        assertEq(escrow.channelOf(client, worker).settledBelow, 9, "settled");
    }

    function test_attack_payment_before_the_window() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        post(voucher);
        uint64 from = uint64(vm.getBlockNumber()) + WINDOW;
        payFails(voucher, abi.encodeWithSelector(Settlement.WindowOpen.selector, from));
        forward(WINDOW - 1);
        payFails(voucher, abi.encodeWithSelector(Settlement.WindowOpen.selector, from));
        forward(1);
        assertEq(pay(voucher), PRICE, "now");
    }

    /// Post one voucher, wait, and redeem another that nobody could look at.
    function test_attack_redeeming_what_was_not_announced() public {
        post(makeVoucher(2, 1));
        forward(WINDOW);
        Voucher memory larger = makeVoucher(2, 1000);
        bytes32 id = settlement.batchIdOf(worker, ROOT, 1, keccak256(abi.encode(alone(larger))));
        payFails(larger, abi.encodeWithSelector(Settlement.BatchUnknown.selector, id));
    }

    function test_attack_another_root_or_count_than_posted() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        post(voucher);
        forward(WINDOW);
        bytes[] memory signatures = signVoucher(voucher);
        bytes32 vouchersHash = keccak256(abi.encode(alone(voucher)));
        expectRevert(
            abi.encodeWithSelector(
                Settlement.BatchUnknown.selector, settlement.batchIdOf(worker, ROOT, 2, vouchersHash)
            )
        );
        settlement.payBatch(worker, ROOT, 2, alone(voucher), signatures);
        expectRevert(
            abi.encodeWithSelector(
                Settlement.BatchUnknown.selector, settlement.batchIdOf(worker, bytes32(0), 1, vouchersHash)
            )
        );
        settlement.payBatch(worker, bytes32(0), 1, alone(voucher), signatures);
    }

    /// Another worker posts the batch, or is to be paid for it.
    function test_attack_taking_anothers_voucher() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        bytes32 vouchersHash = keccak256(abi.encode(alone(voucher)));
        vm.prank(verifier);
        settlement.postBatch(ROOT, 1, vouchersHash);
        forward(WINDOW);
        bytes[] memory signatures = signVoucher(voucher);
        expectRevert(abi.encodeWithSelector(Settlement.VoucherOfAnother.selector, worker, verifier));
        settlement.payBatch(verifier, ROOT, 1, alone(voucher), signatures);
        payFails(
            voucher,
            abi.encodeWithSelector(
                Settlement.BatchUnknown.selector, settlement.batchIdOf(worker, ROOT, 1, vouchersHash)
            )
        );
    }

    function test_attack_a_voucher_that_the_client_did_not_sign() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        post(voucher);
        forward(WINDOW);
        bytes[] memory signatures = alone(sign(WORKER_KEY, settlement.hashVoucher(voucher)));
        bytes memory refused = abi.encodeWithSelector(Settlement.SignatureInvalid.selector, client);
        expectRevert(refused);
        settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
        // A smaller one that it did sign.
        signatures = signVoucher(makeVoucher(2, 1));
        expectRevert(refused);
        settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
    }

    function test_attack_a_voucher_on_another_chain() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        post(voucher);
        forward(WINDOW);
        bytes[] memory signatures = signVoucher(voucher);
        vm.chainId(1234);
        expectRevert(abi.encodeWithSelector(Settlement.SignatureInvalid.selector, client));
        settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
    }

    function test_attack_a_voucher_in_another_deployment() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        bytes[] memory signatures = signVoucher(voucher);
        settlement = new Deployment(terms()).settlement();
        stake = settlement.stake();
        vm.startPrank(worker);
        token.approve(address(stake), MIN_STAKE);
        stake.deposit(MIN_STAKE);
        vm.stopPrank();
        post(voucher);
        forward(WINDOW);
        expectRevert(abi.encodeWithSelector(Settlement.SignatureInvalid.selector, client));
        settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
    }

    /// Another client's voucher, in the name of the one with the fuller channel.
    function test_attack_a_voucher_of_another_client() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        uint256 otherKey = 0x0e3;
        post(voucher);
        forward(WINDOW);
        bytes[] memory signatures = alone(sign(otherKey, settlement.hashVoucher(voucher)));
        expectRevert(abi.encodeWithSelector(Settlement.SignatureInvalid.selector, client));
        settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
        // Its own one draws on its own channel, where there is nothing.
        Voucher memory own = Voucher(vm.addr(otherKey), worker, 2, PRICE);
        post(own);
        forward(WINDOW);
        signatures = alone(sign(otherKey, settlement.hashVoucher(own)));
        assertEq(settlement.payBatch(worker, ROOT, 1, alone(own), signatures), 0, "nothing");
    }

    function test_a_signature_for_each_voucher() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        post(voucher);
        forward(WINDOW);
        bytes[] memory signatures = new bytes[](0);
        expectRevert(abi.encodeWithSelector(Settlement.SignaturesMissing.selector, 0, 1));
        settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
        signatures = new bytes[](2);
        expectRevert(abi.encodeWithSelector(Settlement.SignaturesMissing.selector, 2, 1));
        settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
    }

    function test_a_channel_that_is_too_small_pays_what_it_has_and_the_rest_later() public {
        Voucher memory voucher = makeVoucher(2, 1500);
        assertEq(redeem(voucher), 1000, "all there is");
        assertEq(pay(voucher), 0, "nothing left");
        vm.prank(client);
        escrow.deposit(worker, 700);
        assertEq(pay(voucher), 500, "the rest");
        assertEq(escrow.channelOf(client, worker).balance, 200, "not more");
    }

    function test_a_batch_of_receipts_without_vouchers_pays_nothing() public {
        Voucher[] memory none = new Voucher[](0);
        bytes32 vouchersHash = keccak256(abi.encode(none));
        vm.prank(worker);
        settlement.postBatch(ROOT, 7, vouchersHash);
        forward(WINDOW);
        assertEq(settlement.payBatch(worker, ROOT, 7, none, new bytes[](0)), 0, "nothing");
    }

    /// One client's contested or forfeited channel holds up no other client's pay.
    function test_channels_that_cannot_pay_now_are_left_out() public {
        uint256 otherKey = 0x0e3;
        address other = vm.addr(otherKey);
        fund(other);
        vm.prank(other);
        escrow.deposit(worker, 400);
        Voucher[] memory vouchers = new Voucher[](2);
        vouchers[0] = makeVoucher(2, PRICE);
        vouchers[1] = Voucher(other, worker, 2, 400);
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = signVoucher(vouchers[0])[0];
        signatures[1] = sign(otherKey, settlement.hashVoucher(vouchers[1]));
        vm.prank(worker);
        settlement.postBatch(ROOT, 2, keccak256(abi.encode(vouchers)));
        Order memory order = makeOrder(1);
        uint256 caseId = challengeBy(verifier, order, makeReceipt(order));
        forward(WINDOW);
        assertEq(settlement.payBatch(worker, ROOT, 2, vouchers, signatures), 400, "the other's");
        assertEq(earned(), 0, "nothing from a contested channel");
        rule(caseId, false);
        assertEq(settlement.payBatch(worker, ROOT, 2, vouchers, signatures), 0, "not at once");
        forward(WINDOW);
        assertEq(settlement.payBatch(worker, ROOT, 2, vouchers, signatures), PRICE, "after a window");
    }

    function testFuzz_any_vouchers_pay_the_largest_amount_that_fits(uint128[6] memory amounts) public {
        uint256 largest = 0;
        for (uint256 i = 0; i < amounts.length; ++i) {
            uint128 amount = uint128(bound(amounts[i], 0, 2000));
            if (amount > largest) largest = amount;
            redeem(makeVoucher(uint64(i), amount));
            assertEq(earned(), largest < 1000 ? largest : 1000, "paid");
            assertEq(token.balanceOf(address(escrow)), escrow.channelOf(client, worker).balance, "held");
        }
    }
}
