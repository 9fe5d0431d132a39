// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {AssayTypes, Order, Receipt} from "../src/AssayTypes.sol";
import {Deployment} from "../src/Deployment.sol";
import {DevToken} from "../src/DevToken.sol";
import {Escrow} from "../src/Escrow.sol";
import {JuryCourt} from "../src/JuryCourt.sol";
import {Settlement} from "../src/Settlement.sol";
import {Stake} from "../src/Stake.sol";
import {Terms} from "../src/Terms.sol";
import {Assertions} from "./Assertions.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @notice A deployed network with its parties, and the messages they send.
abstract contract Network is Assertions {
    uint128 internal constant MIN_STAKE = 1000;
    uint128 internal constant BOND = 100;
    uint64 internal constant WINDOW = 20;
    uint64 internal constant RULING = 30;
    /// 3 seats × (30 to draw + 30 to rule + 2).
    uint64 internal constant LONGEST_CASE = 186;
    uint64 internal constant UNBONDING = WINDOW + LONGEST_CASE + 1;
    uint64 internal constant WITHDRAW = 3 * WINDOW;
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

    function claimOf(Order memory order, Receipt memory receipt) internal view returns (Settlement.Claim memory) {
        return Settlement.Claim({
            index: 0,
            count: 1,
            total: receipt.price,
            siblings: new bytes32[](0),
            order: order,
            orderSignature: signOrder(order),
            receipt: receipt,
            receiptSignature: signReceipt(receipt)
        });
    }

    /// @dev A batch of one receipt, posted by the worker.
    function post(Receipt memory receipt) internal returns (bytes32 batchId) {
        bytes32 root = settlement.hashReceipt(receipt);
        vm.prank(worker);
        return settlement.postBatch(root, 1, receipt.price);
    }

    /// @dev Orders number `first` and following, with their receipts, in one posted batch.
    function postMany(uint256 first, uint32 count) internal returns (Settlement.Claim[] memory claims) {
        bytes32[] memory leaves = new bytes32[](count);
        claims = new Settlement.Claim[](count);
        for (uint32 i = 0; i < count; ++i) {
            Order memory order = makeOrder(first + i);
            claims[i] = claimOf(order, makeReceipt(order));
            claims[i].index = i;
            claims[i].count = count;
            claims[i].total = PRICE * count;
            leaves[i] = settlement.hashReceipt(claims[i].receipt);
        }
        for (uint32 i = 0; i < count; ++i) {
            claims[i].siblings = MerkleTree.siblingsOf(leaves, i);
        }
        vm.prank(worker);
        settlement.postBatch(MerkleTree.rootOf(leaves), count, PRICE * count);
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
