// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a client orders from a worker, signed by the client (spec/03 §3.1).
/// @dev Prices are base units of the token for one model token; `deadline` is Unix seconds. `sequence`
/// numbers the orders of one channel (client, worker), rising: vouchers settle all below a number.
struct Order {
    bytes32 programRoot;
    address client;
    address worker;
    uint64 sequence;
    bytes32 inputCommitment;
    uint32 promptTokens;
    uint32 maxTokens;
    uint32 invTemperature;
    uint32 topP;
    uint8 seedSource;
    uint64 clientSeed;
    bytes32 nonceHash;
    uint128 promptPrice;
    uint128 outputPrice;
    uint64 deadline;
    bytes32 salt;
}

/// @notice The worker's agreement to an order; fixes its half of the seed.
struct Acceptance {
    bytes32 orderHash;
    bytes32 workerNonce;
}

/// @notice What the worker did, signed by the worker. Its hashStruct is its id and its leaf in a batch.
/// @dev `price` is base units of the token; `completedAt` is Unix seconds.
struct Receipt {
    bytes32 orderHash;
    bytes32 programRoot;
    address worker;
    bytes32 seed;
    bytes32 inputCommitment;
    bytes32 outputCommitment;
    uint32 promptTokens;
    uint32 outputTokens;
    uint8 finishReason;
    uint128 price;
    uint64 completedAt;
    bytes32 traceRoot;
}

/// @notice What the client has received of an order's answer so far, signed by the client. With it, and
/// only with it, the worker can publish its receipt for exactly these tokens.
/// @dev `outputCommitment` is over them with the salt that the worker gave at acceptance.
struct Delivery {
    bytes32 orderHash;
    uint32 outputTokens;
    bytes32 outputCommitment;
}

/// @notice What a client owes a worker for all its orders below `settledBelow`, signed by the client once it
/// has the receipts. Cumulative over the channel's life: a later voucher replaces an earlier one.
/// @dev `amount` is base units.
struct Voucher {
    address client;
    address worker;
    uint64 settledBelow;
    uint128 amount;
}

/// @notice EIP-712 hashes of the messages, and the rules that bind a receipt to its order.
library AssayTypes {
    bytes32 internal constant ORDER_TYPEHASH = keccak256(
        "Order(bytes32 programRoot,address client,address worker,uint64 sequence,bytes32 inputCommitment,uint32 promptTokens,uint32 maxTokens,uint32 invTemperature,uint32 topP,uint8 seedSource,uint64 clientSeed,bytes32 nonceHash,uint128 promptPrice,uint128 outputPrice,uint64 deadline,bytes32 salt)"
    );
    bytes32 internal constant ACCEPTANCE_TYPEHASH = keccak256("Acceptance(bytes32 orderHash,bytes32 workerNonce)");
    bytes32 internal constant RECEIPT_TYPEHASH = keccak256(
        "Receipt(bytes32 orderHash,bytes32 programRoot,address worker,bytes32 seed,bytes32 inputCommitment,bytes32 outputCommitment,uint32 promptTokens,uint32 outputTokens,uint8 finishReason,uint128 price,uint64 completedAt,bytes32 traceRoot)"
    );
    bytes32 internal constant DELIVERY_TYPEHASH =
        keccak256("Delivery(bytes32 orderHash,uint32 outputTokens,bytes32 outputCommitment)");
    bytes32 internal constant VOUCHER_TYPEHASH =
        keccak256("Voucher(address client,address worker,uint64 settledBelow,uint128 amount)");

    uint8 internal constant FINISH_STOP = 1;
    uint8 internal constant FINISH_LENGTH = 2;
    uint8 internal constant FINISH_CUT = 3;

    error OrderHashMismatch(bytes32 inReceipt, bytes32 ofOrder);
    error ProgramMismatch(bytes32 inReceipt, bytes32 inOrder);
    error WorkerMismatch(address inReceipt, address inOrder);
    error InputMismatch(bytes32 inReceipt, bytes32 inOrder);
    error PromptTokensMismatch(uint32 inReceipt, uint32 inOrder);
    error OutputTokensOutOfRange(uint32 outputTokens, uint32 maxTokens);
    error FinishReasonInvalid(uint8 finishReason, uint32 outputTokens, uint32 maxTokens);
    error CompletedAfterDeadline(uint64 completedAt, uint64 deadline);
    error PriceMismatch(uint256 inReceipt, uint256 ofOrder);

    /// @notice hashStruct(order), the order's id.
    /// @dev All members are static, so abi.encode lays them out exactly as EIP-712's encodeData does.
    function hash(Order calldata order) internal pure returns (bytes32) {
        return keccak256(abi.encode(ORDER_TYPEHASH, order));
    }

    /// @notice hashStruct(acceptance).
    function hash(Acceptance calldata acceptance) internal pure returns (bytes32) {
        return keccak256(abi.encode(ACCEPTANCE_TYPEHASH, acceptance));
    }

    /// @notice hashStruct(receipt), the receipt's id.
    function hash(Receipt calldata receipt) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECEIPT_TYPEHASH, receipt));
    }

    /// @notice hashStruct(delivery).
    function hash(Delivery calldata delivery) internal pure returns (bytes32) {
        return keccak256(abi.encode(DELIVERY_TYPEHASH, delivery));
    }

    /// @notice hashStruct(voucher).
    function hash(Voucher calldata voucher) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOUCHER_TYPEHASH, voucher));
    }

    /// @notice Reverts unless the receipt answers the order at the order's price.
    /// @dev What needs the tokens themselves (commitments, seed, end tokens) is not checked here: that is
    /// what a challenge is for. The price is computed in 256 bits and cannot overflow there.
    function requireAgreement(Order calldata order, Receipt calldata receipt) internal pure {
        if (receipt.programRoot != order.programRoot) revert ProgramMismatch(receipt.programRoot, order.programRoot);
        if (receipt.worker != order.worker) revert WorkerMismatch(receipt.worker, order.worker);
        if (receipt.inputCommitment != order.inputCommitment) {
            revert InputMismatch(receipt.inputCommitment, order.inputCommitment);
        }
        if (receipt.promptTokens != order.promptTokens) {
            revert PromptTokensMismatch(receipt.promptTokens, order.promptTokens);
        }
        if (receipt.outputTokens == 0 || receipt.outputTokens > order.maxTokens) {
            revert OutputTokensOutOfRange(receipt.outputTokens, order.maxTokens);
        }
        bool stopped = receipt.finishReason == FINISH_STOP;
        bool full = receipt.finishReason == FINISH_LENGTH && receipt.outputTokens == order.maxTokens;
        bool cut = receipt.finishReason == FINISH_CUT && receipt.outputTokens < order.maxTokens;
        if (!stopped && !full && !cut) revert FinishReasonInvalid(receipt.finishReason, receipt.outputTokens, order.maxTokens);
        if (receipt.completedAt > order.deadline) revert CompletedAfterDeadline(receipt.completedAt, order.deadline);
        uint256 price = uint256(order.promptTokens) * order.promptPrice
            + uint256(receipt.outputTokens) * order.outputPrice;
        if (receipt.price != price) revert PriceMismatch(receipt.price, price);
    }
}
