// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Acceptance, Delivery, Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

/// @notice vectors/eip712.json: hashes and digests by viem, for other chains and contracts than this one.
contract VectorsTest is Network {
    string private json;

    function number(string memory path, string memory name) private view returns (uint256) {
        return vm.parseJsonUint(json, string.concat(path, ".message.", name));
    }

    function word(string memory path, string memory name) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(path, ".message.", name));
    }

    function party(string memory path, string memory name) private view returns (address) {
        return vm.parseJsonAddress(json, string.concat(path, ".message.", name));
    }

    function readOrder(string memory path) private view returns (Order memory order) {
        order.programRoot = word(path, "programRoot");
        order.client = party(path, "client");
        order.worker = party(path, "worker");
        order.sequence = uint64(number(path, "sequence"));
        order.inputCommitment = word(path, "inputCommitment");
        order.promptTokens = uint32(number(path, "promptTokens"));
        order.maxTokens = uint32(number(path, "maxTokens"));
        order.invTemperature = uint32(number(path, "invTemperature"));
        order.topP = uint32(number(path, "topP"));
        order.seedSource = uint8(number(path, "seedSource"));
        order.clientSeed = uint64(number(path, "clientSeed"));
        order.nonceHash = word(path, "nonceHash");
        order.promptPrice = uint128(number(path, "promptPrice"));
        order.outputPrice = uint128(number(path, "outputPrice"));
        order.deadline = uint64(number(path, "deadline"));
        order.salt = word(path, "salt");
    }

    function readReceipt(string memory path) private view returns (Receipt memory receipt) {
        receipt.orderHash = word(path, "orderHash");
        receipt.programRoot = word(path, "programRoot");
        receipt.worker = party(path, "worker");
        receipt.seed = word(path, "seed");
        receipt.inputCommitment = word(path, "inputCommitment");
        receipt.outputCommitment = word(path, "outputCommitment");
        receipt.promptTokens = uint32(number(path, "promptTokens"));
        receipt.outputTokens = uint32(number(path, "outputTokens"));
        receipt.finishReason = uint8(number(path, "finishReason"));
        receipt.price = uint128(number(path, "price"));
        receipt.completedAt = uint64(number(path, "completedAt"));
        receipt.traceRoot = word(path, "traceRoot");
    }

    function hashOf(string memory path) private view returns (bytes32) {
        bytes32 kind = keccak256(bytes(vm.parseJsonString(json, string.concat(path, ".primaryType"))));
        if (kind == keccak256("Order")) return settlement.hashOrder(readOrder(path));
        if (kind == keccak256("Receipt")) return settlement.hashReceipt(readReceipt(path));
        if (kind == keccak256("Delivery")) {
            return settlement.hashDelivery(
                Delivery(
                    word(path, "orderHash"), uint32(number(path, "outputTokens")), word(path, "outputCommitment")
                )
            );
        }
        if (kind == keccak256("Voucher")) {
            return settlement.hashVoucher(
                Voucher(
                    party(path, "client"),
                    party(path, "worker"),
                    uint64(number(path, "settledBelow")),
                    uint128(number(path, "amount"))
                )
            );
        }
        assertEq(kind, keccak256("Acceptance"), "primary type");
        return settlement.hashAcceptance(Acceptance(word(path, "orderHash"), word(path, "workerNonce")));
    }

    function compare(string memory path) private {
        bytes32 structHash = vm.parseJsonBytes32(json, string.concat(path, ".structHash"));
        assertEq(hashOf(path), structHash, string.concat(path, ".structHash"));
        // The same code as if it were deployed where the vector says.
        address there = vm.parseJsonAddress(json, string.concat(path, ".settlement"));
        vm.etch(there, address(settlement).code);
        vm.chainId(vm.parseJsonUint(json, string.concat(path, ".chainId")));
        bytes32 digest = Settlement(there).digestOf(structHash);
        assertEq(digest, vm.parseJsonBytes32(json, string.concat(path, ".digest")), string.concat(path, ".digest"));
        uint256 key = uint256(vm.parseJsonBytes32(json, string.concat(path, ".privateKey")));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        bytes memory signature = vm.parseJsonBytes(json, string.concat(path, ".signature"));
        assertEq(keccak256(abi.encodePacked(r, s, v)), keccak256(signature), string.concat(path, ".signature"));
    }

    function test_agrees_with_the_vectors() public {
        json = vm.readFile("vectors/eip712.json");
        uint256 count = 0;
        for (string memory path = ".vectors[0]"; vm.keyExistsJson(json, path);) {
            compare(path);
            path = string.concat(".vectors[", vm.toString(++count), "]");
        }
        assertEq(count, 10, "vectors");
    }
}
