// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deployment} from "../src/Deployment.sol";
import {ModelRegistry} from "../src/ModelRegistry.sol";
import {Delivery, Order, Receipt, Voucher} from "../src/AssayTypes.sol";
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

    /// @dev A worker at work: its channel has been paid from before.
    function warm() private {
        redeem(makeVoucher(1, 10));
    }

    /// One batch of any number of receipts, paid by one client's voucher.
    function test_settlement() public {
        warm();
        Voucher memory voucher = makeVoucher(1001, 500);
        bytes32 vouchersHash = keccak256(abi.encode(alone(voucher)));
        bytes[] memory signatures = signVoucher(voucher);
        vm.prank(worker);
        settlement.postBatch(keccak256("a thousand receipts"), 1000, vouchersHash);
        uint256 gas = vm.snapshotGasLastCall("Settlement.postBatch");
        forward(WINDOW);
        settlement.payBatch(worker, keccak256("a thousand receipts"), 1000, alone(voucher), signatures);
        gas += vm.snapshotGasLastCall("Settlement.payBatch, 1 warm channel");
        // The count is a number in the batch: sixteen thousand receipts cost the same.
        uint256 perReceipt = (gas + 999) / 1000;
        uint256 ofMany = (gas + 15_999) / 16_000;
        assertTrue(perReceipt <= 130 && ofMany <= 10, "settlement is cheap");
        vm.snapshotValue("settlement, a receipt of 1,000, warm", perReceipt);
        vm.snapshotValue("settlement, a receipt of 16,000, warm", ofMany);
    }

    function test_settlement_first() public {
        Voucher memory voucher = makeVoucher(2, PRICE);
        post(voucher);
        forward(WINDOW);
        bytes[] memory signatures = signVoucher(voucher);
        settlement.payBatch(worker, ROOT, 1, alone(voucher), signatures);
        vm.snapshotGasLastCall("Settlement.payBatch, 1 new channel");
    }

    function test_settlement_of_ten_clients() public {
        Voucher[] memory vouchers = new Voucher[](10);
        bytes[] memory signatures = new bytes[](10);
        for (uint256 round = 1; round <= 2; ++round) {
            for (uint256 i = 0; i < 10; ++i) {
                uint256 key = 0xc11e2700 + i;
                address payer = vm.addr(key);
                if (round == 1) {
                    fund(payer);
                    vm.prank(payer);
                    escrow.deposit(worker, 1000);
                }
                vouchers[i] = Voucher(payer, worker, uint64(round), uint128(100 * round));
                signatures[i] = sign(key, settlement.hashVoucher(vouchers[i]));
            }
            vm.prank(worker);
            settlement.postBatch(ROOT, 10, keccak256(abi.encode(vouchers)));
            forward(WINDOW);
            settlement.payBatch(worker, ROOT, 10, vouchers, signatures);
        }
        vm.snapshotGasLastCall("Settlement.payBatch, 10 warm channels");
    }

    function test_publication() public {
        warm();
        Delivery memory delivery = makeDelivery(receipt);
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        bytes memory deliverySignature = signDelivery(delivery);
        settlement.publish(order, orderSignature, receipt, receiptSignature, delivery, deliverySignature);
        vm.snapshotGasLastCall("Settlement.publish");
        forward(PUBLICATION);
        vm.prank(worker);
        settlement.payPublished(order, receipt);
        vm.snapshotGasLastCall("Settlement.payPublished");
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
