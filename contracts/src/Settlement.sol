// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Acceptance, AssayTypes, Delivery, Order, Receipt, Voucher} from "./AssayTypes.sol";
import {Escrow} from "./Escrow.sol";
import {Dispute, ICourt} from "./ICourt.sol";
import {Stake} from "./Stake.sol";
import {Terms, TermsChecks} from "./Terms.sol";

/// @notice Batches of receipts with the vouchers that pay them, published receipts, challenges and proofs of
/// equivocation (spec/04 §4.4 – §4.7).
contract Settlement is EIP712 {
    using AssayTypes for Order;
    using AssayTypes for Acceptance;
    using AssayTypes for Receipt;
    using AssayTypes for Delivery;
    using AssayTypes for Voucher;
    using TermsChecks for Terms;

    /// @dev Contested: a challenge is open. Paid: its published receipt was. Void: never payable.
    enum OrderState {
        Open,
        Contested,
        Paid,
        Void
    }

    /// @dev The state belongs to the order, not to one receipt: an honest worker signs one receipt for an
    /// order, and two are a proof of fraud. `payableFrom` is the block from which the published receipt can
    /// be paid, `published` its hash, zero where there is none.
    struct OrderRecord {
        OrderState state;
        uint64 payableFrom;
        bytes32 published;
    }

    Stake public immutable stake;
    Escrow public immutable escrow;
    ICourt public immutable court;
    uint64 public immutable windowBlocks;
    uint64 public immutable publicationBlocks;

    mapping(bytes32 orderHash => OrderRecord) private _orders;

    /// @notice The block in which a batch was posted, zero for none.
    mapping(bytes32 batchId => uint64) public postedAt;

    event BatchPosted(
        bytes32 indexed batchId,
        address indexed worker,
        bytes32 root,
        uint32 count,
        bytes32 vouchersHash,
        uint64 payableFrom
    );
    event BatchPaid(bytes32 indexed batchId, address indexed worker, uint256 amount);
    event ReceiptPublished(
        bytes32 indexed receiptHash,
        address indexed client,
        address indexed worker,
        uint64 payableFrom,
        Receipt receipt,
        bytes signature
    );
    event ReceiptPaid(
        bytes32 indexed receiptHash, address indexed client, address indexed worker, bytes32 orderHash, uint128 price
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
    event OrderCleared(bytes32 indexed orderHash, uint64 payableFrom);

    error NotActive(address party);
    error BatchEmpty();
    error BatchAlreadyPosted(bytes32 batchId);
    error BatchUnknown(bytes32 batchId);
    error VoucherOfAnother(address worker, address expected);
    error SignaturesMissing(uint256 signatures, uint256 vouchers);
    error WindowOpen(uint64 payableFrom);
    error OrderContested(bytes32 orderHash);
    error OrderPaid(bytes32 orderHash);
    error OrderVoid(bytes32 orderHash);
    error OrderSettled(bytes32 orderHash, uint64 sequence, uint64 settledBelow);
    error AlreadyPublished(bytes32 orderHash, bytes32 receiptHash);
    error NotPublished(bytes32 orderHash, bytes32 receiptHash);
    error DeliveryMismatch(bytes32 orderHash);
    error SignatureInvalid(address expectedSigner);
    error ReceiptsEqual(bytes32 receiptHash);
    error SelfChallenge(address worker);
    error RivalAgrees();
    error NotCourt(address caller);
    error NotWorker(address caller, address worker);

    constructor(Terms memory terms, Stake stake_, Escrow escrow_, ICourt court_) EIP712("Assay", "1") {
        terms.check();
        stake = stake_;
        escrow = escrow_;
        court = court_;
        windowBlocks = terms.windowBlocks;
        publicationBlocks = terms.publicationBlocks();
    }

    /// @notice Announces `count` receipts of the caller and the vouchers that pay them. They are paid
    /// `windowBlocks` later.
    /// @param root Merkle root over the receipts' hashes (spec/02 §2.1).
    /// @param vouchersHash keccak256(abi.encode(vouchers)): what is going to be redeemed, fixed now.
    /// @return batchId keccak256(abi.encode(worker, root, count, vouchersHash)): the batch is stored under its
    /// content, which its payment brings along, so that posting takes one storage slot.
    function postBatch(bytes32 root, uint32 count, bytes32 vouchersHash) external returns (bytes32 batchId) {
        if (!stake.isActive(msg.sender)) revert NotActive(msg.sender);
        if (count == 0) revert BatchEmpty();
        batchId = batchIdOf(msg.sender, root, count, vouchersHash);
        if (postedAt[batchId] != 0) revert BatchAlreadyPosted(batchId);
        postedAt[batchId] = uint64(block.number);
        emit BatchPosted(batchId, msg.sender, root, count, vouchersHash, uint64(block.number) + windowBlocks);
    }

    /// @notice Pays `worker` what the vouchers of its posted batch grant and their channels can pay now
    /// (`Escrow.redeem`). Anyone may call, and again for what could not be paid: vouchers are cumulative.
    /// @param signatures Of each voucher, by its client.
    function payBatch(
        address worker,
        bytes32 root,
        uint32 count,
        Voucher[] calldata vouchers,
        bytes[] calldata signatures
    ) external returns (uint256 amount) {
        bytes32 batchId = batchIdOf(worker, root, count, keccak256(abi.encode(vouchers)));
        uint64 posted = postedAt[batchId];
        if (posted == 0) revert BatchUnknown(batchId);
        if (block.number < posted + windowBlocks) revert WindowOpen(posted + windowBlocks);
        if (signatures.length != vouchers.length) revert SignaturesMissing(signatures.length, vouchers.length);
        for (uint256 i = 0; i < vouchers.length; ++i) {
            if (vouchers[i].worker != worker) revert VoucherOfAnother(vouchers[i].worker, worker);
            _requireSigner(vouchers[i].client, vouchers[i].hash(), signatures[i]);
        }
        amount = escrow.redeem(worker, vouchers);
        emit BatchPaid(batchId, worker, amount);
    }

    /// @notice Makes a receipt public that the client gives no voucher for: with its signed `delivery` of
    /// exactly these tokens. It can be paid `publicationBlocks` later, for until now its client may not have
    /// seen it. Anyone may call, also while the order is contested: else a case could take from the worker the
    /// time that this needs before the client withdraws.
    /// @dev The client has the tokens and the salt of `outputCommitment`, so with the receipt it can check
    /// the answer, and challenge.
    function publish(
        Order calldata order,
        bytes calldata orderSignature,
        Receipt calldata receipt,
        bytes calldata receiptSignature,
        Delivery calldata delivery,
        bytes calldata deliverySignature
    ) external {
        bytes32 orderHash = order.hash();
        _requireUnsettled(order, orderHash);
        OrderRecord storage record = _orders[orderHash];
        if (record.published != 0) revert AlreadyPublished(orderHash, record.published);
        if (!stake.isActive(order.worker)) revert NotActive(order.worker);
        AssayTypes.requireAgreement(order, receipt);
        if (
            delivery.orderHash != orderHash || delivery.outputTokens != receipt.outputTokens
                || delivery.outputCommitment != receipt.outputCommitment
        ) revert DeliveryMismatch(orderHash);
        _requireSigner(order.client, orderHash, orderSignature);
        _requireSigner(order.client, delivery.hash(), deliverySignature);
        bytes32 receiptHash = _requireReceipt(order, orderHash, receipt, receiptSignature);
        uint64 payableFrom = uint64(block.number) + publicationBlocks;
        record.published = receiptHash;
        record.payableFrom = payableFrom;
        emit ReceiptPublished(receiptHash, order.client, order.worker, payableFrom, receipt, receiptSignature);
    }

    /// @notice Pays the caller, the order's worker, the price of its published receipt, once for an order.
    /// @dev Only the worker: somebody else could have it paid before a voucher that covers this order and
    /// leaves out a later one that is paid so, too (`Escrow._count`).
    function payPublished(Order calldata order, Receipt calldata receipt) external {
        if (msg.sender != order.worker) revert NotWorker(msg.sender, order.worker);
        bytes32 orderHash = order.hash();
        _requireUncontested(order, orderHash);
        OrderRecord storage record = _orders[orderHash];
        bytes32 receiptHash = receipt.hash();
        if (record.published != receiptHash) revert NotPublished(orderHash, receiptHash);
        if (block.number < record.payableFrom) revert WindowOpen(record.payableFrom);
        record.state = OrderState.Paid;
        emit ReceiptPaid(receiptHash, order.client, order.worker, orderHash, receipt.price);
        escrow.payReceipt(order.client, order.worker, order.sequence, receipt.price);
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
        escrow.forfeit(order.client, order.worker, false);
        stake.slash(order.worker, msg.sender, address(0));
    }

    /// @notice Contests a signed receipt, posted, published or neither, until its order is paid. The caller has
    /// stake and has approved the bond to the court.
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
        _requireUncontested(order, orderHash);
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

    /// @notice The court's word on an order that it opened a case for: void and its channel forfeited, or
    /// payable again.
    /// @dev After a failed challenge a new window opens, so that a challenge made to fail cannot be followed
    /// by the payment before anyone else can challenge.
    function resolve(bytes32 orderHash, address client, address worker, bool fraud) external {
        if (msg.sender != address(court)) revert NotCourt(msg.sender);
        OrderRecord storage record = _orders[orderHash];
        // An equivocation that was proven meanwhile has voided the order already.
        bool open = record.state == OrderState.Contested;
        if (fraud) {
            if (open) {
                record.state = OrderState.Void;
                emit OrderVoided(orderHash);
            }
            escrow.forfeit(client, worker, true);
        } else {
            if (open) {
                uint64 earliest = uint64(block.number) + windowBlocks;
                record.state = OrderState.Open;
                if (record.payableFrom < earliest) record.payableFrom = earliest;
                emit OrderCleared(orderHash, record.payableFrom);
            }
            escrow.release(client, worker);
        }
        stake.release(worker);
    }

    function orderOf(bytes32 orderHash) external view returns (OrderRecord memory) {
        return _orders[orderHash];
    }

    /// @notice The id that `postBatch` gives to a batch of `worker`.
    function batchIdOf(address worker, bytes32 root, uint32 count, bytes32 vouchersHash)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(worker, root, count, vouchersHash));
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

    function hashDelivery(Delivery calldata delivery) external pure returns (bytes32) {
        return delivery.hash();
    }

    function hashVoucher(Voucher calldata voucher) external pure returns (bytes32) {
        return voucher.hash();
    }

    function _requireUncontested(Order calldata order, bytes32 orderHash) private view {
        if (_orders[orderHash].state == OrderState.Contested) revert OrderContested(orderHash);
        _requireUnsettled(order, orderHash);
    }

    /// @dev No voucher can cover the largest sequence there is: such an order is never open.
    function _requireUnsettled(Order calldata order, bytes32 orderHash) private view {
        OrderState state = _orders[orderHash].state;
        if (state == OrderState.Paid) revert OrderPaid(orderHash);
        if (state == OrderState.Void) revert OrderVoid(orderHash);
        uint64 settledBelow = escrow.settledBelow(order.client, order.worker);
        if (order.sequence < settledBelow || order.sequence == type(uint64).max) {
            revert OrderSettled(orderHash, order.sequence, settledBelow);
        }
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
}
