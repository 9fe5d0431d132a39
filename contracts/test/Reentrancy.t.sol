// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Order, Receipt, Voucher} from "../src/AssayTypes.sol";
import {Credits} from "../src/Credits.sol";
import {Settlement} from "../src/Settlement.sol";
import {Network} from "./Network.sol";

/// @notice A token that calls one party before and after it moves anything of that party's.
contract HookToken is ERC20("Hook", "HOOK") {
    Intruder private _hooked;

    constructor() {
        _mint(msg.sender, 1e24);
    }

    function hook(Intruder hooked) external {
        _hooked = hooked;
    }

    function _update(address from, address to, uint256 value) internal override {
        bool calls = address(_hooked) != address(0) && (from == address(_hooked) || to == address(_hooked));
        if (calls) _hooked.onMove();
        super._update(from, to, value);
        if (calls) _hooked.onMove();
    }
}

/// @notice A party that, whenever its tokens move, tries its calls once more.
contract Intruder {
    struct Call {
        address target;
        bytes data;
    }

    Call[] private _calls;
    uint256 public attempts;
    uint256 public successes;
    bool private _inside;

    function tryOnMove(address target, bytes calldata data) external {
        _calls.push(Call(target, data));
    }

    function onMove() external {
        if (_inside) return;
        _inside = true;
        for (uint256 i = 0; i < _calls.length; ++i) {
            ++attempts;
            (bool success,) = _calls[i].target.call(_calls[i].data);
            if (success) ++successes;
        }
        _inside = false;
    }
}

/// @notice What re-entering brings where the token hands over control: nothing.
contract ReentrancyTest is Network {
    Intruder private intruder;
    uint256 private before;

    function _makeToken() internal override returns (IERC20) {
        return new HookToken();
    }

    function setUp() public override {
        super.setUp();
        intruder = new Intruder();
        fund(address(intruder));
        HookToken(address(token)).hook(intruder);
        before = token.balanceOf(address(intruder));
    }

    function assertNothingGained(uint256 expected) private view {
        assertTrue(intruder.attempts() > 0, "it tried");
        assertEq(intruder.successes(), 0, "nothing succeeded");
        assertEq(token.balanceOf(address(intruder)), before + expected, "exactly what it was owed");
    }

    function test_attack_reentering_withdrawCredit() public {
        vm.prank(address(court));
        stake.slash(worker, address(intruder), jurors[0]);
        intruder.tryOnMove(address(stake), abi.encodeCall(Credits.withdrawCredit, ()));
        vm.prank(address(intruder));
        stake.withdrawCredit();
        assertNothingGained(400);
    }

    function test_attack_reentering_the_withdrawal_of_stake() public {
        vm.prank(address(intruder));
        stake.deposit(MIN_STAKE);
        vm.prank(address(intruder));
        stake.requestUnbond(MIN_STAKE);
        forward(UNBONDING);
        intruder.tryOnMove(address(stake), abi.encodeCall(stake.withdraw, ()));
        intruder.tryOnMove(address(stake), abi.encodeCall(stake.requestUnbond, (1)));
        vm.prank(address(intruder));
        stake.withdraw();
        assertNothingGained(0);
    }

    function test_attack_reentering_the_withdrawal_of_a_channel() public {
        vm.prank(address(intruder));
        escrow.deposit(worker, 500);
        vm.prank(address(intruder));
        escrow.requestWithdraw(worker);
        forward(WITHDRAW);
        intruder.tryOnMove(address(escrow), abi.encodeCall(escrow.withdraw, (worker)));
        intruder.tryOnMove(address(escrow), abi.encodeCall(escrow.requestWithdraw, (worker)));
        vm.prank(address(intruder));
        escrow.withdraw(worker);
        assertNothingGained(0);
    }

    /// The channel is credited before the tokens come, but nothing can leave it meanwhile.
    function test_attack_reentering_a_deposit() public {
        vm.prank(address(intruder));
        escrow.deposit(worker, 500);
        vm.prank(address(intruder));
        escrow.requestWithdraw(worker);
        forward(WITHDRAW);
        before = token.balanceOf(address(intruder));
        intruder.tryOnMove(address(escrow), abi.encodeCall(escrow.withdraw, (worker)));
        vm.prank(address(intruder));
        escrow.deposit(worker, 100);
        assertTrue(intruder.attempts() > 0, "it tried");
        assertEq(intruder.successes(), 0, "nothing succeeded");
        assertEq(token.balanceOf(address(intruder)), before - 100, "paid");
        assertEq(escrow.channelOf(address(intruder), worker).balance, 600, "channel");
    }

    function test_attack_reentering_a_deposit_of_stake() public {
        intruder.tryOnMove(address(stake), abi.encodeCall(stake.withdraw, ()));
        vm.prank(address(intruder));
        stake.deposit(MIN_STAKE);
        assertTrue(intruder.attempts() > 0, "it tried");
        assertEq(intruder.successes(), 0, "nothing succeeded");
        assertEq(bonded(address(intruder)), MIN_STAKE, "bonded");
    }

    function test_attack_reentering_a_challenge() public {
        vm.prank(address(intruder));
        stake.deposit(MIN_STAKE);
        Order memory order = makeOrder(1);
        Receipt memory receipt = makeReceipt(order);
        bytes memory orderSignature = signOrder(order);
        bytes memory receiptSignature = signReceipt(receipt);
        bytes memory again = abi.encodeCall(
            Settlement.challenge, (order, orderSignature, receipt, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT)
        );
        intruder.tryOnMove(address(settlement), again);
        intruder.tryOnMove(address(court), abi.encodeCall(court.draw, (1)));
        intruder.tryOnMove(address(court), abi.encodeCall(court.rule, (1, true)));
        before = token.balanceOf(address(intruder)) - BOND;
        vm.prank(address(intruder));
        settlement.challenge(order, orderSignature, receipt, receiptSignature, RIVAL_TRACE, RIVAL_OUTPUT);
        assertNothingGained(0);
        assertEq(court.caseCount(), 1, "one case");
        assertEq(token.balanceOf(address(court)), BOND, "one bond");
    }

    /// The worker is a contract that is called while it is paid.
    function test_attack_reentering_a_payment() public {
        vm.prank(client);
        escrow.deposit(address(intruder), 500);
        Voucher memory voucher = Voucher(client, address(intruder), 1, 300);
        Voucher[] memory vouchers = alone(voucher);
        bytes[] memory signatures = signVoucher(voucher);
        vm.startPrank(address(intruder));
        stake.deposit(MIN_STAKE);
        settlement.postBatch(ROOT, 1, keccak256(abi.encode(vouchers)));
        vm.stopPrank();
        forward(WINDOW);
        // It may call again, and gets nothing for it.
        bytes memory again = abi.encodeCall(
            Settlement.payBatch, (address(intruder), ROOT, 1, vouchers, signatures)
        );
        intruder.tryOnMove(address(settlement), again);
        before = token.balanceOf(address(intruder));
        settlement.payBatch(address(intruder), ROOT, 1, vouchers, signatures);
        assertTrue(intruder.attempts() > 0, "it tried");
        assertEq(token.balanceOf(address(intruder)) - before, 300, "once");
        assertEq(escrow.channelOf(client, address(intruder)).balance, 200, "channel");
    }

    /// There are tokens that refuse a transfer of nothing, and a batch that pays nothing now is no error.
    function test_a_batch_that_pays_nothing_moves_nothing() public {
        Voucher memory voucher = Voucher(client, address(intruder), 1, 300);
        vm.startPrank(address(intruder));
        stake.deposit(MIN_STAKE);
        settlement.postBatch(ROOT, 1, keccak256(abi.encode(alone(voucher))));
        vm.stopPrank();
        forward(WINDOW);
        intruder.tryOnMove(address(stake), abi.encodeCall(stake.withdraw, ()));
        bytes[] memory signatures = signVoucher(voucher);
        assertEq(settlement.payBatch(address(intruder), ROOT, 1, alone(voucher), signatures), 0, "empty");
        assertEq(intruder.attempts(), 0, "nothing moved");
    }

    /// An account that signs and has code besides (EIP-7702) is called while it is paid.
    function test_attack_reentering_the_payment_of_a_published_receipt() public {
        Order memory order = makeOrder(1);
        Receipt memory receipt = makeReceipt(order);
        publish(order, receipt);
        forward(PUBLICATION);
        Intruder hooked = Intruder(worker);
        vm.etch(worker, address(intruder).code);
        HookToken(address(token)).hook(hooked);
        hooked.tryOnMove(address(settlement), abi.encodeCall(Settlement.payPublished, (order, receipt)));
        before = token.balanceOf(worker);
        payReceipt(order, receipt);
        assertTrue(hooked.attempts() > 0, "it tried");
        assertEq(hooked.successes(), 0, "nothing succeeded");
        assertEq(token.balanceOf(worker) - before, PRICE, "once");
    }

    /// The client is a contract that is called while it takes back a forfeited channel.
    function test_attack_reentering_the_withdrawal_of_a_forfeited_channel() public {
        vm.prank(address(intruder));
        escrow.deposit(worker, 500);
        vm.prank(address(settlement));
        escrow.forfeit(address(intruder), worker, false);
        intruder.tryOnMove(address(escrow), abi.encodeCall(escrow.withdraw, (worker)));
        intruder.tryOnMove(address(escrow), abi.encodeCall(escrow.deposit, (worker, 1)));
        vm.prank(address(intruder));
        escrow.withdraw(worker);
        assertNothingGained(0);
    }
}
