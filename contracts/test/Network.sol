// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {AssayTypes, Delivery, Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Deployment} from "../src/Deployment.sol";
import {DevToken} from "../src/DevToken.sol";
import {Escrow} from "../src/Escrow.sol";
import {JuryCourt} from "../src/JuryCourt.sol";
import {Settlement} from "../src/Settlement.sol";
import {Stake} from "../src/Stake.sol";
import {Terms} from "../src/Terms.sol";
import {Assertions} from "./Assertions.sol";

/// @notice A deployed network with its parties, and the messages they send.
abstract contract Network is Assertions {
    uint128 internal constant MIN_STAKE = 1000;
    uint128 internal constant BOND = 100;
    uint64 internal constant WINDOW = 20;
    uint64 internal constant RULING = 30;
    /// 3 seats × (30 to draw + 30 to rule + 2).
    uint64 internal constant LONGEST_CASE = 186;
    uint64 internal constant PUBLICATION = 4 * WINDOW;
    uint64 internal constant UNBONDING = PUBLICATION + LONGEST_CASE + 1;
    uint64 internal constant WITHDRAW = PUBLICATION + 2 * WINDOW;
    uint128 internal constant PROMPT_PRICE = 2;
    uint128 internal constant OUTPUT_PRICE = 5;
    /// 10 · 2 + 16 · 5.
    uint128 internal constant PRICE = 100;
    uint256 internal constant FUNDS = 1_000_000;
    uint256 internal constant START = 1000;
    bytes32 internal constant RIVAL_TRACE = keccak256("rival trace");
    bytes32 internal constant RIVAL_OUTPUT = keccak256("rival output");

    IERC20 internal token;
    Stake internal stake;
    Escrow internal escrow;
    Settlement internal settlement;
    JuryCourt internal court;

    uint256 internal constant CLIENT_KEY = 0xc11e27;
    uint256 internal constant WORKER_KEY = 0x304e4;
    address internal client = vm.addr(CLIENT_KEY);
    address internal worker = vm.addr(WORKER_KEY);
    address internal verifier = makeAddr("verifier");
    address internal stranger = makeAddr("stranger");
    address[4] internal jurors = [makeAddr("juror 0"), makeAddr("juror 1"), makeAddr("juror 2"), makeAddr("juror 3")];

    function setUp() public virtual {
        vm.roll(START);
        token = _makeToken();
        Deployment deployment = new Deployment(terms());
        stake = deployment.stake();
        escrow = deployment.escrow();
        settlement = deployment.settlement();
        court = deployment.court();
        fund(client);
        fund(worker);
        fund(verifier);
        fund(stranger);
        bond(worker);
        bond(verifier);
        for (uint256 i = 0; i < jurors.length; ++i) {
            fund(jurors[i]);
            bond(jurors[i]);
        }
        vm.prank(client);
        escrow.deposit(worker, 1000);
        forward(1);
    }

    function _makeToken() internal virtual returns (IERC20) {
        return new DevToken(1e24);
    }

    function terms() internal view returns (Terms memory) {
        return Terms({
            token: token,
            minStake: MIN_STAKE,
            bond: BOND,
            windowBlocks: WINDOW,
            unbondingBlocks: UNBONDING,
            withdrawBlocks: WITHDRAW,
            rulingBlocks: RULING
        });
    }

    function makeAddr(string memory name) internal returns (address made) {
        made = address(uint160(uint256(keccak256(bytes(name)))));
        vm.label(made, name);
    }

    /// @dev Tokens, approved to every contract.
    function fund(address party) internal {
        token.transfer(party, FUNDS);
        vm.startPrank(party);
        token.approve(address(stake), type(uint256).max);
        token.approve(address(escrow), type(uint256).max);
        token.approve(address(court), type(uint256).max);
        vm.stopPrank();
    }

    function bond(address party) internal {
        vm.prank(party);
        stake.deposit(MIN_STAKE);
    }

    function forward(uint256 blocks) internal {
        vm.roll(vm.getBlockNumber() + blocks);
    }

    function makeOrder(uint256 number) internal view returns (Order memory) {
        return Order({
            programRoot: keccak256("program"),
            client: client,
            worker: worker,
            sequence: uint64(number),
            inputCommitment: keccak256("input"),
            promptTokens: 10,
            maxTokens: 16,
            invTemperature: 0,
            topP: 65536,
            seedSource: 0,
            clientSeed: 0,
            nonceHash: keccak256("nonce"),
            promptPrice: PROMPT_PRICE,
            outputPrice: OUTPUT_PRICE,
            deadline: 2_000_000_000,
            salt: bytes32(number)
        });
    }

    function makeReceipt(Order memory order) internal view returns (Receipt memory) {
        return Receipt({
            orderHash: settlement.hashOrder(order),
            programRoot: order.programRoot,
            worker: order.worker,
            seed: keccak256("seed"),
            inputCommitment: order.inputCommitment,
            outputCommitment: keccak256("output"),
            promptTokens: order.promptTokens,
            outputTokens: order.maxTokens,
            finishReason: 2,
            price: order.promptTokens * order.promptPrice + order.maxTokens * order.outputPrice,
            completedAt: order.deadline - 1,
            traceRoot: keccak256("trace")
        });
    }

    function sign(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, settlement.digestOf(structHash));
        return abi.encodePacked(r, s, v);
    }

    function signOrder(Order memory order) internal view returns (bytes memory) {
        return sign(CLIENT_KEY, settlement.hashOrder(order));
    }

    function signReceipt(Receipt memory receipt) internal view returns (bytes memory) {
        return sign(WORKER_KEY, settlement.hashReceipt(receipt));
    }

    function makeDelivery(Receipt memory receipt) internal pure returns (Delivery memory) {
        return Delivery(receipt.orderHash, receipt.outputTokens, receipt.outputCommitment);
    }

    function signDelivery(Delivery memory delivery) internal view returns (bytes memory) {
        return sign(CLIENT_KEY, settlement.hashDelivery(delivery));
    }

    function makeVoucher(uint64 settledBelow, uint128 amount) internal view returns (Voucher memory) {
        return Voucher(client, worker, settledBelow, amount);
    }

    function alone(Voucher memory voucher) internal pure returns (Voucher[] memory vouchers) {
        vouchers = new Voucher[](1);
        vouchers[0] = voucher;
    }

    function alone(bytes memory signature) internal pure returns (bytes[] memory signatures) {
        signatures = new bytes[](1);
        signatures[0] = signature;
    }

    function signVoucher(Voucher memory voucher) internal view returns (bytes[] memory) {
        return alone(sign(CLIENT_KEY, settlement.hashVoucher(voucher)));
    }

    bytes32 internal constant ROOT = keccak256("root of receipts");

    /// @dev A batch whose only voucher is this one.
    function post(Voucher memory voucher) internal returns (bytes32 batchId) {
        bytes32 vouchersHash = keccak256(abi.encode(alone(voucher)));
        vm.prank(worker);
        return settlement.postBatch(ROOT, 1, vouchersHash);
    }

    function pay(Voucher memory voucher) internal returns (uint256) {
        bytes[] memory signatures = signVoucher(voucher);
        return settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
    }

    /// @dev Posts, waits and pays.
    function redeem(Voucher memory voucher) internal returns (uint256) {
        post(voucher);
        forward(WINDOW);
        return pay(voucher);
    }

    function publish(Order memory order, Receipt memory receipt) internal {
        Delivery memory delivery = makeDelivery(receipt);
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        bytes memory deliverySignature = signDelivery(delivery);
        settlement.publish(order, orderSignature, receipt, receiptSignature, delivery, deliverySignature);
    }

    function publishFails(Order memory order, Receipt memory receipt, bytes memory revertData) internal {
        Delivery memory delivery = makeDelivery(receipt);
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        bytes memory deliverySignature = signDelivery(delivery);
        expectRevert(revertData);
        settlement.publish(order, orderSignature, receipt, receiptSignature, delivery, deliverySignature);
    }

    function payFails(Order memory order, Receipt memory receipt, bytes memory revertData) internal {
        expectRevert(revertData);
        payReceipt(order, receipt);
    }

    function payReceipt(Order memory order, Receipt memory receipt) internal {
        vm.prank(order.worker);
        settlement.payPublished(order, receipt);
    }

    /// @dev What the worker has earned from the channel so far.
    function earned() internal view returns (uint256) {
        Escrow.Channel memory channel = escrow.channelOf(client, worker);
        return uint256(channel.paid) + channel.ahead;
    }

    function challengeBy(address challenger, Order memory order, Receipt memory receipt)
        internal
        returns (uint256 caseId)
    {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        vm.prank(challenger);
        return settlement.challenge(order, orderSignature, receipt, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT);
    }

    function drawNow(uint256 caseId) internal returns (address juror) {
        forward(2);
        return court.draw(caseId);
    }

    function rule(uint256 caseId, bool fraud) internal returns (address juror) {
        juror = drawNow(caseId);
        vm.prank(juror);
        court.rule(caseId, fraud);
    }

    function bonded(address party) internal view returns (uint256) {
        return stake.partyOf(party).bonded;
    }

    function stateOf(Order memory order) internal view returns (Settlement.OrderState) {
        return settlement.orderOf(settlement.hashOrder(order)).state;
    }

    function assertState(Order memory order, Settlement.OrderState expected) internal view {
        assertEq(uint256(stateOf(order)), uint256(expected), "order state");
    }
}
