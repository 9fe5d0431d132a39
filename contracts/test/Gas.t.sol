// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deployment} from "../src/Deployment.sol";
import {ModelRegistry} from "../src/ModelRegistry.sol";
import {Order, Receipt} from "../src/AssayTypes.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

/// @notice What each action costs as a transaction of its own: contracts/snapshots/Gas.json.
/// @dev A test fails when its figure changes; `npm run generate` writes the new ones (forge alone does not).
/// forge-config: default.isolate = true
contract Gas is Network {
    Order private order;
    Receipt private receipt;

    function setUp() public override {
        super.setUp();
        order = makeOrder(1);
        receipt = makeReceipt(order);
    }

    function test_deploy() public {
        new Deployment(terms());
        vm.snapshotGasLastCall("Deployment");
    }

    function test_register() public {
        ModelRegistry registry = new ModelRegistry();
        registry.register(keccak256("program"), "smollm2-135m");
        vm.snapshotGasLastCall("ModelRegistry.register");
    }

    function test_stake() public {
        vm.prank(stranger);
        stake.deposit(MIN_STAKE);
        vm.snapshotGasLastCall("Stake.deposit, first");
        vm.prank(stranger);
        stake.deposit(1);
        vm.snapshotGasLastCall("Stake.deposit, further");
        vm.prank(stranger);
        stake.requestUnbond(MIN_STAKE);
        vm.snapshotGasLastCall("Stake.requestUnbond");
        forward(UNBONDING);
        vm.prank(stranger);
        stake.withdraw();
        vm.snapshotGasLastCall("Stake.withdraw");
    }

    function test_channel() public {
        vm.prank(client);
        escrow.deposit(stranger, 1000);
        vm.snapshotGasLastCall("Escrow.deposit, first");
        vm.prank(client);
        escrow.deposit(stranger, 1000);
        vm.snapshotGasLastCall("Escrow.deposit, further");
    }

    function test_postBatch() public {
        vm.prank(worker);
        settlement.postBatch(keccak256("root"), 1000, 100_000);
        vm.snapshotGasLastCall("Settlement.postBatch");
    }

    function test_claim() public {
        Settlement.Claim[] memory claims = postMany(1, 8);
        forward(WINDOW);
        settlement.claim(claims[0]);
        vm.snapshotGasLastCall("Settlement.claim, a worker's first");
        settlement.claim(claims[1]);
        vm.snapshotGasLastCall("Settlement.claim, further");
        vm.prank(worker);
        escrow.withdrawCredit();
        vm.snapshotGasLastCall("Escrow.withdrawCredit");
    }

    function test_claim_of_a_thousand() public {
        Settlement.Claim[] memory claims = postMany(1, 1);
        bytes32[] memory siblings = new bytes32[](10);
        bytes32 root = settlement.hashReceipt(claims[0].receipt);
        for (uint256 i = 0; i < 10; ++i) {
            siblings[i] = keccak256(abi.encode(i));
            root = keccak256(bytes.concat(root, siblings[i]));
        }
        vm.prank(worker);
        settlement.postBatch(root, 1000, 100_000);
        forward(WINDOW);
        (claims[0].siblings, claims[0].count, claims[0].total) = (siblings, 1000, 100_000);
        settlement.claim(claims[0]);
        vm.snapshotGasLastCall("Settlement.claim, a worker's first, of 1000");
    }

    function test_claimMany() public {
        Settlement.Claim[] memory claims = postMany(1, 10);
        forward(WINDOW);
        settlement.claimMany(claims);
        vm.snapshotGasLastCall("Settlement.claimMany, 10");
    }

    function test_proveEquivocation() public {
        Receipt memory other = makeReceipt(order);
        other.traceRoot = keccak256("another trace");
        bytes memory signatureA = signReceipt(receipt);
        bytes memory signatureB = signReceipt(other);
        vm.prank(stranger);
        settlement.proveEquivocation(order, receipt, signatureA, other, signatureB);
        vm.snapshotGasLastCall("Settlement.proveEquivocation");
    }

    function openCase() private returns (uint256 caseId) {
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        caseId = court.caseCount() + 1;
        vm.prank(verifier);
        settlement.challenge(order, orderSignature, receipt, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT);
        vm.snapshotGasLastCall("Settlement.challenge");
        forward(2);
    }

    function test_fraud() public {
        uint256 caseId = openCase();
        address juror = court.draw(caseId);
        vm.snapshotGasLastCall("JuryCourt.draw");
        vm.prank(juror);
        court.rule(caseId, true);
        vm.snapshotGasLastCall("JuryCourt.rule, fraud");
    }

    function test_no_fraud() public {
        uint256 caseId = openCase();
        address juror = court.draw(caseId);
        vm.prank(juror);
        court.rule(caseId, false);
        vm.snapshotGasLastCall("JuryCourt.rule, no fraud");
    }

    function test_redraw() public {
        uint256 caseId = openCase();
        court.draw(caseId);
        forward(RULING + 1);
        court.redraw(caseId);
        vm.snapshotGasLastCall("JuryCourt.redraw");
    }
}
