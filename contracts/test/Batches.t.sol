// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order, Receipt} from "../src/AssayTypes.sol";
import {Escrow} from "../src/Escrow.sol";
import {Merkle} from "../src/Merkle.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

/// @notice Posting batches and claiming from them (spec/04 §4.4).
contract BatchesTest is Network {
    function claimAfterWindow(Order memory order, Receipt memory receipt)
        private
        returns (Settlement.Claim memory claim)
    {
        claim = claimOf(order, receipt);
        post(receipt);
        forward(WINDOW);
    }

    function test_posting_needs_active_stake() public {
        expectRevert(abi.encodeWithSelector(Settlement.NotActive.selector, stranger));
        vm.prank(stranger);
        settlement.postBatch(keccak256("root"), 1, 1);
        vm.startPrank(worker);
        stake.requestUnbond(1);
        expectRevert(abi.encodeWithSelector(Settlement.NotActive.selector, worker));
        settlement.postBatch(keccak256("root"), 1, 1);
    }

    function test_posting_announces_the_batch() public {
        bytes32 root = keccak256("root");
        bytes32 id = settlement.batchIdOf(worker, root, 3, 300);
        assertEq(id, keccak256(abi.encode(worker, root, uint32(3), uint128(300))), "id");
        vm.expectEmit(address(settlement));
        emit Settlement.BatchPosted(id, worker, root, 3, 300, uint64(vm.getBlockNumber()) + WINDOW);
        vm.prank(worker);
        assertEq(settlement.postBatch(root, 3, 300), id, "returned");
        assertEq(settlement.batchOf(id).postedAt, vm.getBlockNumber(), "posted at");
    }

    function test_an_empty_batch_is_refused() public {
        expectRevert(abi.encodeWithSelector(Settlement.BatchEmpty.selector));
        vm.prank(worker);
        settlement.postBatch(keccak256("root"), 0, 0);
    }

    function test_a_batch_is_posted_once() public {
        Receipt memory receipt = makeReceipt(makeOrder(1));
        bytes32 id = post(receipt);
        bytes32 root = settlement.hashReceipt(receipt);
        forward(WINDOW);
        expectRevert(abi.encodeWithSelector(Settlement.BatchAlreadyPosted.selector, id));
        vm.prank(worker);
        settlement.postBatch(root, 1, PRICE);
    }

    function test_claim_credits_the_worker() public {
        Order memory order = makeOrder(1);
        Receipt memory receipt = makeReceipt(order);
        Settlement.Claim memory claim = claimAfterWindow(order, receipt);
        bytes32 hash = settlement.hashReceipt(receipt);
        bytes32 id = settlement.batchIdOf(worker, hash, 1, PRICE);
        vm.expectEmit(address(settlement));
        emit Settlement.ReceiptClaimed(hash, worker, client, receipt.orderHash, id, PRICE);
        vm.prank(stranger);
        settlement.claim(claim);
        assertEq(escrow.creditOf(worker), PRICE, "credit");
        assertEq(escrow.channelOf(client, worker).balance, 1000 - PRICE, "channel");
        assertEq(settlement.batchOf(id).claimed, PRICE, "batch");
        assertState(order, Settlement.OrderState.Claimed);
    }

    function test_every_receipt_of_a_batch_can_be_claimed() public {
        Settlement.Claim[] memory claims = postMany(1, 5);
        forward(WINDOW);
        for (uint256 i = 5; i > 0; --i) {
            settlement.claim(claims[i - 1]);
        }
        assertEq(escrow.creditOf(worker), 5 * PRICE, "credit");
    }

    function test_claimMany_claims_all_or_nothing() public {
        Settlement.Claim[] memory claims = postMany(1, 10);
        forward(WINDOW);
        settlement.claimMany(claims);
        assertEq(escrow.creditOf(worker), 10 * PRICE, "credit");

        vm.prank(client);
        escrow.deposit(worker, PRICE);
        claims = postMany(100, 2);
        forward(WINDOW);
        expectRevert(abi.encodeWithSelector(Escrow.ChannelTooSmall.selector, client, worker, PRICE, 0));
        settlement.claimMany(claims);
        assertState(claims[0].order, Settlement.OrderState.Open);
    }

    function test_attack_claim_before_the_window() public {
        Order memory order = makeOrder(1);
        Receipt memory receipt = makeReceipt(order);
        Settlement.Claim memory claim = claimOf(order, receipt);
        post(receipt);
        uint64 from = uint64(vm.getBlockNumber()) + WINDOW;
        expectRevert(abi.encodeWithSelector(Settlement.WindowOpen.selector, from));
        settlement.claim(claim);
        forward(WINDOW - 1);
        expectRevert(abi.encodeWithSelector(Settlement.WindowOpen.selector, from));
        settlement.claim(claim);
        forward(1);
        settlement.claim(claim);
    }

    function test_attack_double_claim() public {
        Order memory order = makeOrder(1);
        Receipt memory receipt = makeReceipt(order);
        Settlement.Claim memory claim = claimAfterWindow(order, receipt);
        settlement.claim(claim);
        bytes memory refused = abi.encodeWithSelector(Settlement.OrderClaimed.selector, receipt.orderHash);
        expectRevert(refused);
        settlement.claim(claim);
        // The same receipt in another batch.
        bytes32[] memory siblings = new bytes32[](1);
        siblings[0] = keccak256("other leaf");
        bytes32 root = keccak256(bytes.concat(settlement.hashReceipt(receipt), siblings[0]));
        vm.prank(worker);
        settlement.postBatch(root, 2, 2 * PRICE);
        forward(WINDOW);
        (claim.count, claim.total, claim.siblings) = (2, 2 * PRICE, siblings);
        expectRevert(refused);
        settlement.claim(claim);
        // Another receipt for the same order.
        receipt.traceRoot = keccak256("another trace");
        claim = claimAfterWindow(order, receipt);
        expectRevert(refused);
        settlement.claim(claim);
    }

    function test_attack_posting_anothers_receipt() public {
        Order memory order = makeOrder(1);
        Receipt memory receipt = makeReceipt(order);
        Settlement.Claim memory claim = claimOf(order, receipt);
        bytes32 root = settlement.hashReceipt(receipt);
        vm.prank(verifier);
        settlement.postBatch(root, 1, PRICE);
        forward(WINDOW);
        expectRevert(
            abi.encodeWithSelector(
                Settlement.BatchUnknown.selector, settlement.batchIdOf(worker, root, 1, PRICE)
            )
        );
        settlement.claim(claim);
    }

    function test_attack_claiming_with_a_smaller_count_or_larger_total_than_posted() public {
        Settlement.Claim[] memory claims = postMany(1, 2);
        forward(WINDOW);
        Settlement.Claim memory claim = claims[0];
        bytes32 root = keccak256(bytes.concat(settlement.hashReceipt(claim.receipt), claim.siblings[0]));
        claim.total += 1;
        expectRevert(
            abi.encodeWithSelector(
                Settlement.BatchUnknown.selector, settlement.batchIdOf(worker, root, 2, claim.total)
            )
        );
        settlement.claim(claim);
        claim.total -= 1;
        claim.count = 1;
        expectRevert(abi.encodeWithSelector(Merkle.ProofLengthMismatch.selector, 1, 0));
        settlement.claim(claim);
    }

    function test_an_index_beyond_the_count_is_refused() public {
        Settlement.Claim[] memory claims = postMany(1, 2);
        forward(WINDOW);
        claims[0].index = 2;
        expectRevert(abi.encodeWithSelector(Merkle.LeafOutOfRange.selector, 2, 2));
        settlement.claim(claims[0]);
    }

    function test_a_leaf_at_another_index_is_refused() public {
        Settlement.Claim[] memory claims = postMany(1, 2);
        forward(WINDOW);
        claims[0].index = 1;
        bytes32 swapped =
            keccak256(bytes.concat(claims[0].siblings[0], settlement.hashReceipt(claims[0].receipt)));
        expectRevert(
            abi.encodeWithSelector(
                Settlement.BatchUnknown.selector, settlement.batchIdOf(worker, swapped, 2, 2 * PRICE)
            )
        );
        settlement.claim(claims[0]);
    }

    function test_claims_never_exceed_the_total_that_was_posted() public {
        Settlement.Claim memory a = claimOf(makeOrder(1), makeReceipt(makeOrder(1)));
        Settlement.Claim memory b = claimOf(makeOrder(2), makeReceipt(makeOrder(2)));
        bytes32 leafA = settlement.hashReceipt(a.receipt);
        bytes32 leafB = settlement.hashReceipt(b.receipt);
        (a.count, b.count, b.index) = (2, 2, 1);
        (a.total, b.total) = (2 * PRICE - 1, 2 * PRICE - 1);
        (a.siblings, b.siblings) = (new bytes32[](1), new bytes32[](1));
        (a.siblings[0], b.siblings[0]) = (leafB, leafA);
        vm.prank(worker);
        bytes32 id = settlement.postBatch(keccak256(bytes.concat(leafA, leafB)), 2, 2 * PRICE - 1);
        forward(WINDOW);
        settlement.claim(a);
        expectRevert(
            abi.encodeWithSelector(Settlement.BatchTotalExceeded.selector, id, 2 * PRICE, 2 * PRICE - 1)
        );
        settlement.claim(b);
    }

    /// Nothing is lost: the claim says what is missing, and works once the client has paid in.
    function test_a_claim_on_an_empty_channel_works_after_a_deposit() public {
        Order memory order = makeOrder(1);
        order.outputPrice = 100;
        Receipt memory receipt = makeReceipt(order);
        Settlement.Claim memory claim = claimAfterWindow(order, receipt);
        expectRevert(
            abi.encodeWithSelector(Escrow.ChannelTooSmall.selector, client, worker, receipt.price, 1000)
        );
        settlement.claim(claim);
        assertState(order, Settlement.OrderState.Open);
        vm.prank(client);
        escrow.deposit(worker, receipt.price - 1000);
        settlement.claim(claim);
        assertEq(escrow.creditOf(worker), receipt.price, "credit");
    }

    /// Work that was done and posted is paid, whatever happens to the stake afterwards.
    function test_a_worker_that_unbonds_after_posting_can_still_claim() public {
        Order memory order = makeOrder(1);
        Settlement.Claim memory claim = claimAfterWindow(order, makeReceipt(order));
        vm.startPrank(worker);
        stake.requestUnbond(MIN_STAKE);
        forward(UNBONDING);
        stake.withdraw();
        settlement.claim(claim);
        assertEq(escrow.creditOf(worker), PRICE, "credit");
    }

    function testFuzz_any_batch_pays_each_receipt_once(uint32 count, uint256 start) public {
        count = uint32(bound(count, 1, 9));
        vm.prank(client);
        escrow.deposit(worker, 9 * PRICE);
        Settlement.Claim[] memory claims = postMany(1, count);
        forward(WINDOW);
        for (uint256 i = 0; i < count; ++i) {
            settlement.claim(claims[(i + start % count) % count]);
        }
        for (uint256 i = 0; i < count; ++i) {
            expectRevert(
                abi.encodeWithSelector(Settlement.OrderClaimed.selector, claims[i].receipt.orderHash)
            );
            settlement.claim(claims[i]);
        }
        assertEq(escrow.creditOf(worker), uint256(count) * PRICE, "credit");
    }
}
