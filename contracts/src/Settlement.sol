// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Acceptance, AssayTypes, Order, Receipt} from "./AssayTypes.sol";
import {Escrow} from "./Escrow.sol";
import {Dispute, ICourt} from "./ICourt.sol";
import {Merkle} from "./Merkle.sol";
import {Stake} from "./Stake.sol";
import {Terms, TermsChecks} from "./Terms.sol";

/// @notice Batches of receipts, the challenge window, claims and proofs of equivocation (spec/04 §4.4 – §4.6).
contract Settlement is EIP712 {
    using AssayTypes for Order;
    using AssayTypes for Acceptance;
    using AssayTypes for Receipt;
    using TermsChecks for Terms;

    /// @dev Contested: a challenge is open. Claimed: paid to the worker's credit. Void: never payable.
    enum OrderState {
        Open,
        Contested,
        Claimed,
        Void
    }

    /// @dev The state belongs to the order, not to one receipt: an honest worker signs one receipt for an
    /// order, and two are a proof of fraud. `claimableFrom` is a block; set where a challenge failed.
    struct OrderRecord {
        OrderState state;
        uint64 claimableFrom;
    }

    /// @dev `postedAt` is a block; `claimed` the base units claimed so far.
    struct Batch {
        uint64 postedAt;
        uint128 claimed;
    }

    /// @notice One receipt of a posted batch, with what shows that it is one.
    /// @dev `count` and `total` are the batch's as posted; `siblings` the Merkle path, lowest first.
    struct Claim {
        uint32 index;
        uint32 count;
        uint128 total;
        bytes32[] siblings;
        Order order;
        bytes orderSignature;
        Receipt receipt;
        bytes receiptSignature;
    }

    Stake public immutable stake;
    Escrow public immutable escrow;
    ICourt public immutable court;
    uint64 public immutable windowBlocks;

    mapping(bytes32 orderHash => OrderRecord) private _orders;
    mapping(bytes32 batchId => Batch) private _batches;

    event BatchPosted(
        bytes32 indexed batchId, address indexed worker, bytes32 root, uint32 count, uint128 total, uint64 claimableFrom
    );
    event ReceiptClaimed(
        bytes32 indexed receiptHash,
        address indexed worker,
        address indexed client,
        bytes32 orderHash,
        bytes32 batchId,
        uint128 price
    );
    event EquivocationProven(
        bytes32 indexed orderHash,
        address indexed worker,
        address indexed prover,
        bytes32 receiptHashA,
        bytes32 receiptHashB
    );
    event ReceiptContested(bytes32 indexed receiptHash, bytes32 indexed orderHash, uint256 indexed caseId);
    event OrderVoided(bytes32 indexed orderHash);
    event OrderCleared(bytes32 indexed orderHash, uint64 claimableFrom);

    error NotActive(address party);
    error BatchEmpty();
    error BatchAlreadyPosted(bytes32 batchId);
    error BatchUnknown(bytes32 batchId);
    error BatchTotalExceeded(bytes32 batchId, uint256 claimed, uint256 total);
    error WindowOpen(uint64 claimableFrom);
    error OrderContested(bytes32 orderHash);
    error OrderClaimed(bytes32 orderHash);
    error OrderVoid(bytes32 orderHash);
    error SignatureInvalid(address expectedSigner);
    error ReceiptsEqual(bytes32 receiptHash);
    error SelfChallenge(address worker);
    error RivalAgrees();
    error NotCourt(address caller);

    constructor(Terms memory terms, Stake stake_, Escrow escrow_, ICourt court_) EIP712("Assay", "1") {
        terms.check();
        stake = stake_;
        escrow = escrow_;
        court = court_;
        windowBlocks = terms.windowBlocks;
    }

    /// @notice Announces `count` receipts of the caller that cost `total` base units in all. They can be
    /// claimed `windowBlocks` later.
    /// @param root Merkle root over their hashes (spec/02 §2.1).
    /// @return batchId keccak256(abi.encode(worker, root, count, total)): the batch is stored under its
    /// content, which a claim brings along, so that posting takes one storage slot.
    function postBatch(bytes32 root, uint32 count, uint128 total) external returns (bytes32 batchId) {
        if (!stake.isActive(msg.sender)) revert NotActive(msg.sender);
        if (count == 0) revert BatchEmpty();
        batchId = _batchId(msg.sender, root, count, total);
        if (_batches[batchId].postedAt != 0) revert BatchAlreadyPosted(batchId);
        _batches[batchId].postedAt = uint64(block.number);
        emit BatchPosted(batchId, msg.sender, root, count, total, uint64(block.number) + windowBlocks);
    }

    /// @notice Moves the price of one receipt from the channel to the worker's credit. Anyone may call.
    function claim(Claim calldata one) external {
        _claim(one);
    }

    /// @notice Several claims. One that fails reverts all of them.
    function claimMany(Claim[] calldata many) external {
        for (uint256 i = 0; i < many.length; ++i) {
            _claim(many[i]);
        }
    }

    /// @notice Slashes a worker that signed two different receipts for one order. Anyone may call, once for
    /// an order; no court is needed and no juror paid.
    function proveEquivocation(
        Order calldata order,
        Receipt calldata a,
        bytes calldata signatureA,
        Receipt calldata b,
        bytes calldata signatureB
    ) external {
        bytes32 orderHash = order.hash();
        if (_orders[orderHash].state == OrderState.Void) revert OrderVoid(orderHash);
        bytes32 hashA = _requireReceipt(order, orderHash, a, signatureA);
        bytes32 hashB = _requireReceipt(order, orderHash, b, signatureB);
        if (hashA == hashB) revert ReceiptsEqual(hashA);
        _orders[orderHash].state = OrderState.Void;
        emit EquivocationProven(orderHash, order.worker, msg.sender, hashA, hashB);
        emit OrderVoided(orderHash);
        stake.slash(order.worker, msg.sender, address(0));
    }

    /// @notice Contests a signed receipt, posted or not, until it is claimed. The caller has stake and has
    /// approved the bond to the court.
    /// @param rivalTraceRoot The trace root that the caller says the program gives.
    /// @param rivalOutputCommitment The output commitment of the caller's tokens, under its own salt.
    function challenge(
        Order calldata order,
        bytes calldata orderSignature,
        Receipt calldata receipt,
        bytes calldata receiptSignature,
        bytes32 rivalTraceRoot,
        bytes32 rivalOutputCommitment
    ) external returns (uint256 caseId) {
        if (msg.sender == order.worker) revert SelfChallenge(msg.sender);
        if (!stake.isActive(msg.sender)) revert NotActive(msg.sender);
        if (rivalTraceRoot == receipt.traceRoot && rivalOutputCommitment == receipt.outputCommitment) {
            revert RivalAgrees();
        }
        bytes32 orderHash = order.hash();
        _requireOpen(orderHash);
        _requireSigner(order.client, orderHash, orderSignature);
        bytes32 receiptHash = _requireReceipt(order, orderHash, receipt, receiptSignature);
        _orders[orderHash].state = OrderState.Contested;
        stake.hold(order.worker);
        escrow.hold(order.client, order.worker);
        caseId = court.open(
            Dispute({
                orderHash: orderHash,
                receiptHash: receiptHash,
                client: order.client,
                worker: order.worker,
                challenger: msg.sender,
                rivalTraceRoot: rivalTraceRoot,
                rivalOutputCommitment: rivalOutputCommitment
            })
        );
        emit ReceiptContested(receiptHash, orderHash, caseId);
    }

    /// @notice The court's word on an order that it opened a case for: void, or claimable again.
    /// @dev After a failed challenge a new window opens, so that a challenge made to fail cannot be followed
    /// by the claim before anyone else can challenge.
    function resolve(bytes32 orderHash, address client, address worker, bool fraud) external {
        if (msg.sender != address(court)) revert NotCourt(msg.sender);
        OrderRecord storage record = _orders[orderHash];
        // An equivocation that was proven meanwhile has voided the order already.
        if (record.state == OrderState.Contested) {
            if (fraud) {
                record.state = OrderState.Void;
                emit OrderVoided(orderHash);
            } else {
                record.state = OrderState.Open;
                record.claimableFrom = uint64(block.number) + windowBlocks;
                emit OrderCleared(orderHash, record.claimableFrom);
            }
        }
        stake.release(worker);
        escrow.release(client, worker);
    }

    function orderOf(bytes32 orderHash) external view returns (OrderRecord memory) {
        return _orders[orderHash];
    }

    function batchOf(bytes32 batchId) external view returns (Batch memory) {
        return _batches[batchId];
    }

    /// @notice The id that `postBatch` gives to a batch of `worker`.
    function batchIdOf(address worker, bytes32 root, uint32 count, uint128 total) external pure returns (bytes32) {
        return _batchId(worker, root, count, total);
    }

    /// @notice What is signed: EIP-712's hash of a message under this contract's domain.
    function digestOf(bytes32 structHash) external view returns (bytes32) {
        return _hashTypedDataV4(structHash);
    }

    function hashOrder(Order calldata order) external pure returns (bytes32) {
        return order.hash();
    }

    function hashAcceptance(Acceptance calldata acceptance) external pure returns (bytes32) {
        return acceptance.hash();
    }

    function hashReceipt(Receipt calldata receipt) external pure returns (bytes32) {
        return receipt.hash();
    }

    function _claim(Claim calldata one) private {
        bytes32 orderHash = one.order.hash();
        _requireOpen(orderHash);
        OrderRecord storage record = _orders[orderHash];
        if (block.number < record.claimableFrom) revert WindowOpen(record.claimableFrom);
        AssayTypes.requireAgreement(one.order, one.receipt);
        _requireSigner(one.order.client, orderHash, one.orderSignature);
        bytes32 receiptHash = _requireReceipt(one.order, orderHash, one.receipt, one.receiptSignature);
        record.state = OrderState.Claimed;
        bytes32 batchId = _takeFromBatch(one, receiptHash);
        emit ReceiptClaimed(
            receiptHash, one.order.worker, one.order.client, orderHash, batchId, one.receipt.price
        );
        escrow.debit(one.order.client, one.order.worker, one.receipt.price);
    }

    /// @dev Another worker's batch has another id: the worker is part of it.
    function _takeFromBatch(Claim calldata one, bytes32 receiptHash) private returns (bytes32 batchId) {
        bytes32 root = Merkle.root(receiptHash, one.index, one.count, one.siblings);
        batchId = _batchId(one.order.worker, root, one.count, one.total);
        Batch storage batch = _batches[batchId];
        uint64 postedAt = batch.postedAt;
        if (postedAt == 0) revert BatchUnknown(batchId);
        if (block.number < postedAt + windowBlocks) revert WindowOpen(postedAt + windowBlocks);
        uint256 claimed = uint256(batch.claimed) + one.receipt.price;
        if (claimed > one.total) revert BatchTotalExceeded(batchId, claimed, one.total);
        // At most `total`, which is a uint128.
        batch.claimed = uint128(claimed);
    }

    function _requireOpen(bytes32 orderHash) private view {
        OrderState state = _orders[orderHash].state;
        if (state == OrderState.Contested) revert OrderContested(orderHash);
        if (state == OrderState.Claimed) revert OrderClaimed(orderHash);
        if (state == OrderState.Void) revert OrderVoid(orderHash);
    }

    /// @dev A receipt of the order's worker for this order, whatever else it says.
    function _requireReceipt(
        Order calldata order,
        bytes32 orderHash,
        Receipt calldata receipt,
        bytes calldata signature
    ) private view returns (bytes32 receiptHash) {
        if (receipt.orderHash != orderHash) revert AssayTypes.OrderHashMismatch(receipt.orderHash, orderHash);
        receiptHash = receipt.hash();
        _requireSigner(order.worker, receiptHash, signature);
    }

    /// @dev 65 bytes, v 27 or 28, s in the lower half (spec/03 §3.1): ECDSA refuses the rest.
    function _requireSigner(address signer, bytes32 structHash, bytes calldata signature) private view {
        (address recovered, ECDSA.RecoverError problem,) =
            ECDSA.tryRecoverCalldata(_hashTypedDataV4(structHash), signature);
        if (problem != ECDSA.RecoverError.NoError || recovered != signer) revert SignatureInvalid(signer);
    }

    function _batchId(address worker, bytes32 root, uint32 count, uint128 total) private pure returns (bytes32) {
        return keccak256(abi.encode(worker, root, count, total));
    }
}
