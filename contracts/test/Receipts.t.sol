// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AssayTypes, Delivery, Order, Receipt} from "../src/AssayTypes.sol";
import {Deployment} from "../src/Deployment.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

/// @notice What makes a receipt payable: it agrees with its order, and both are signed (spec/03 §3.1).
contract ReceiptsTest is Network {
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    Order private order;
    Receipt private receipt;

    function setUp() public override {
        super.setUp();
        order = makeOrder(1);
        receipt = makeReceipt(order);
    }

    function claimFails(bytes memory revertData) private {
        publishFails(order, receipt, revertData);
    }

    function pays() private {
        publish(order, receipt);
        forward(PUBLICATION);
        payReceipt(order, receipt);
    }

    /// @dev Publishes with these signatures in place of the order's and the receipt's.
    function publishSigned(bytes memory orderSignature, bytes memory receiptSignature) private {
        Delivery memory delivery = makeDelivery(receipt);
        settlement.publish(
            order, orderSignature, receipt, receiptSignature, delivery, signDelivery(delivery)
        );
    }

    function signedFails(bytes memory orderSignature, bytes memory receiptSignature, address signer) private {
        Delivery memory delivery = makeDelivery(receipt);
        bytes memory deliverySignature = signDelivery(delivery);
        expectRevert(abi.encodeWithSelector(Settlement.SignatureInvalid.selector, signer));
        settlement.publish(order, orderSignature, receipt, receiptSignature, delivery, deliverySignature);
    }

    function test_a_receipt_of_another_order() public {
        receipt.orderHash = keccak256("another");
        // The delivery names the order, so it is the first to disagree.
        claimFails(abi.encodeWithSelector(Settlement.DeliveryMismatch.selector, settlement.hashOrder(order)));
        bytes memory signature = signReceipt(receipt);
        bytes memory orderSignature = signOrder(order);
        expectRevert(
            abi.encodeWithSelector(
                AssayTypes.OrderHashMismatch.selector, receipt.orderHash, settlement.hashOrder(order)
            )
        );
        vm.prank(verifier);
        settlement.challenge(order, orderSignature, receipt, signature, RIVAL_TRACE, RIVAL_OUTPUT);
    }

    function test_a_receipt_of_another_program() public {
        receipt.programRoot = keccak256("another");
        claimFails(
            abi.encodeWithSelector(AssayTypes.ProgramMismatch.selector, receipt.programRoot, order.programRoot)
        );
    }

    function test_a_receipt_of_another_worker() public {
        receipt.worker = verifier;
        claimFails(abi.encodeWithSelector(AssayTypes.WorkerMismatch.selector, verifier, worker));
    }

    function test_a_receipt_of_another_input() public {
        receipt.inputCommitment = keccak256("another");
        claimFails(
            abi.encodeWithSelector(
                AssayTypes.InputMismatch.selector, receipt.inputCommitment, order.inputCommitment
            )
        );
    }

    function test_a_receipt_with_another_prompt_length() public {
        receipt.promptTokens = 11;
        claimFails(abi.encodeWithSelector(AssayTypes.PromptTokensMismatch.selector, 11, 10));
    }

    function test_a_receipt_with_no_output() public {
        receipt.outputTokens = 0;
        claimFails(abi.encodeWithSelector(AssayTypes.OutputTokensOutOfRange.selector, 0, 16));
    }

    function test_a_receipt_with_more_output_than_ordered() public {
        receipt.outputTokens = 17;
        claimFails(abi.encodeWithSelector(AssayTypes.OutputTokensOutOfRange.selector, 17, 16));
    }

    function test_finish_reasons() public {
        uint8[4] memory wrong = [0, 3, 4, 255];
        for (uint256 i = 0; i < 4; ++i) {
            receipt.finishReason = wrong[i];
            claimFails(abi.encodeWithSelector(AssayTypes.FinishReasonInvalid.selector, wrong[i], 16, 16));
        }
        receipt.finishReason = 2;
        receipt.outputTokens = 15;
        claimFails(abi.encodeWithSelector(AssayTypes.FinishReasonInvalid.selector, 2, 15, 16));
    }

    function test_a_short_answer_that_stopped_costs_less() public {
        (receipt.finishReason, receipt.outputTokens, receipt.price) = (1, 3, 35);
        pays();
        assertEq(earned(), 35, "10 * 2 + 3 * 5");
    }

    function test_a_late_receipt() public {
        receipt.completedAt = order.deadline;
        pays();
        order = makeOrder(2);
        receipt = makeReceipt(order);
        receipt.completedAt = order.deadline + 1;
        claimFails(
            abi.encodeWithSelector(
                AssayTypes.CompletedAfterDeadline.selector, order.deadline + 1, order.deadline
            )
        );
    }

    function testFuzz_any_other_price(uint128 price) public {
        vm.assume(price != PRICE);
        receipt.price = price;
        claimFails(abi.encodeWithSelector(AssayTypes.PriceMismatch.selector, price, PRICE));
    }

    /// A price that does not fit in 128 bits cannot be claimed under what is left of it.
    function test_attack_price_overflow() public {
        order.promptPrice = type(uint128).max;
        order.outputPrice = type(uint128).max;
        unchecked {
            receipt.price = uint128(26 * uint256(type(uint128).max));
        }
        receipt.orderHash = settlement.hashOrder(order);
        claimFails(
            abi.encodeWithSelector(
                AssayTypes.PriceMismatch.selector, receipt.price, 26 * uint256(type(uint128).max)
            )
        );
    }

    function test_an_order_signed_by_another() public {
        signedFails(sign(WORKER_KEY, receipt.orderHash), signReceipt(receipt), client);
    }

    function test_a_receipt_signed_by_another() public {
        signedFails(signOrder(order), sign(CLIENT_KEY, settlement.hashReceipt(receipt)), worker);
    }

    function test_attack_malleable_signatures() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(CLIENT_KEY, settlement.digestOf(receipt.orderHash));
        bytes[6] memory malformed = [
            abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? 28 : 27),
            abi.encodePacked(r, bytes32(CURVE_ORDER - uint256(s)), v == 27 ? bytes1(0x1c) : bytes1(0x1b)),
            abi.encodePacked(r, s, v - 27),
            abi.encodePacked(r, s, v, bytes1(0)),
            abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255))),
            new bytes(65)
        ];
        for (uint256 i = 0; i < malformed.length; ++i) {
            signedFails(malformed[i], signReceipt(receipt), client);
        }
        publishSigned(abi.encodePacked(r, s, v), signReceipt(receipt));
    }

    /// ecrecover gives the zero address for a signature of nobody.
    function test_attack_order_of_the_zero_address() public {
        order.client = address(0);
        receipt.orderHash = settlement.hashOrder(order);
        bytes memory nobody = abi.encodePacked(bytes32(uint256(1)), bytes32(uint256(1)), uint8(29));
        signedFails(nobody, signReceipt(receipt), address(0));
    }

    function test_attack_replay_on_another_chain() public {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        vm.chainId(1234);
        signedFails(orderSignature, receiptSignature, client);
    }

    function test_attack_replay_in_another_deployment() public {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        settlement = new Deployment(terms()).settlement();
        stake = settlement.stake();
        vm.startPrank(worker);
        token.approve(address(stake), MIN_STAKE);
        stake.deposit(MIN_STAKE);
        vm.stopPrank();
        signedFails(orderSignature, receiptSignature, client);
    }

    /// Every bit of order and receipt is under a signature.
    function testFuzz_a_changed_message_is_not_payable(uint256 choice, bytes32 other) public {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        bytes32 signed = settlement.hashReceipt(receipt);
        choice = bound(choice, 0, 6);
        if (choice == 0) order.salt = other;
        if (choice == 1) order.nonceHash = other;
        if (choice == 2) receipt.seed = other;
        if (choice == 3) receipt.outputCommitment = other;
        if (choice == 4) receipt.traceRoot = other;
        if (choice == 5) order.invTemperature = uint32(uint256(other) | 1);
        if (choice == 6) order.sequence = uint64(uint256(other) | 2);
        receipt.orderHash = settlement.hashOrder(order);
        // The fuzzer knows the constants, and may choose the very value that stood there.
        vm.assume(settlement.hashReceipt(receipt) != signed);
        bool reverted = false;
        try this.publishAs(orderSignature, receiptSignature) {}
        catch {
            reverted = true;
        }
        assertTrue(reverted, "refused");
        assertEq(settlement.orderOf(receipt.orderHash).published, 0, "not published");
    }

    function publishAs(bytes memory orderSignature, bytes memory receiptSignature) external {
        publishSigned(orderSignature, receiptSignature);
    }
}
