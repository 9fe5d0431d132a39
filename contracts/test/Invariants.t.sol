// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Credits} from "../src/Credits.sol";
import {Escrow} from "../src/Escrow.sol";
import {Settlement} from "../src/Settlement.sol";
import {Handler} from "./Handler.sol";
import {Network} from "./Network.sol";

/// @notice What holds after any sequence of actions. The handler checks every single action beside this.
contract InvariantsTest is Network {
    Handler private handler;

    function setUp() public override {
        super.setUp();
        // The parties of the other tests take no part.
        vm.prank(client);
        escrow.requestWithdraw(worker);
        address[6] memory others = [worker, verifier, jurors[0], jurors[1], jurors[2], jurors[3]];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            stake.requestUnbond(MIN_STAKE);
        }
        forward(UNBONDING);
        vm.prank(client);
        escrow.withdraw(worker);
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            stake.withdraw();
        }
        handler = new Handler(settlement, token);
        for (uint256 i = 0; i < handler.PARTIES(); ++i) {
            fund(handler.partyAt(i));
            if (i >= 2) handler.addStake(i, MIN_STAKE - 1);
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function creditsIn(Credits ledger) private view returns (uint256 sum) {
        for (uint256 i = 0; i < handler.PARTIES(); ++i) {
            sum += ledger.creditOf(handler.partyAt(i));
        }
    }

    function stakes() private view returns (uint256 sum) {
        for (uint256 i = 0; i < handler.PARTIES(); ++i) {
            sum += bonded(handler.partyAt(i)) + stake.partyOf(handler.partyAt(i)).unbonding;
        }
    }

    function channels() private view returns (uint256 sum) {
        for (uint256 i = 0; i < 4; ++i) {
            sum += escrow.channelOf(handler.partyAt(i % 2), handler.partyAt(2 + i / 2)).balance;
        }
    }

    function ledgerAt(uint256 i) private view returns (Handler.Ledger memory, Escrow.Channel memory) {
        (address payer, address payee) = (handler.partyAt(i % 2), handler.partyAt(2 + i / 2));
        return (handler.ledgerOf(payer, payee), escrow.channelOf(payer, payee));
    }

    /// Every contract holds exactly what it owes, and nothing was made or lost.
    function checkSolvency() private view {
        uint256 bonds = handler.openCases().length * BOND;
        assertEq(token.balanceOf(address(stake)), stakes() + creditsIn(stake), "stake");
        assertEq(token.balanceOf(address(escrow)), channels(), "escrow");
        assertEq(token.balanceOf(address(court)), bonds + creditsIn(court), "court");
        assertEq(token.balanceOf(address(settlement)), 0, "settlement");
        uint256 held = token.balanceOf(address(stake)) + token.balanceOf(address(escrow))
            + token.balanceOf(address(court));
        assertEq(held, handler.tokensIn(), "all together");
    }

    /// Each channel is as its plain ledger says, and its worker never got more than its client granted:
    /// by one voucher, and for what it does not cover by receipts that were published and waited for.
    function checkPayments() private view {
        for (uint256 i = 0; i < 4; ++i) {
            (Handler.Ledger memory ledger, Escrow.Channel memory channel) = ledgerAt(i);
            assertEq(uint256(channel.paid) + channel.ahead, ledger.paid, "paid");
            assertEq(channel.balance, ledger.deposited - ledger.withdrawn - ledger.paid, "balance");
            uint256 agreed = handler.agreed(handler.partyAt(i % 2), handler.partyAt(2 + i / 2));
            assertTrue(ledger.paid <= agreed, "nothing twice");
            assertEq(channel.settledBelow, ledger.settledBelow, "settled");
            assertEq(channel.holds, ledger.holds, "holds");
            assertTrue(channel.forfeited == ledger.forfeited, "forfeited");
        }
        for (uint256 i = 0; i < handler.workCount(); ++i) {
            Handler.Work memory one = handler.workAt(i);
            Settlement.OrderState expected = one.void
                ? Settlement.OrderState.Void
                : one.paid
                    ? Settlement.OrderState.Paid
                    : one.caseId != 0 ? Settlement.OrderState.Contested : Settlement.OrderState.Open;
            bytes32 orderHash = one.receipt.orderHash;
            assertEq(uint256(settlement.orderOf(orderHash).state), uint256(expected), "state");
        }
    }

    /// What is slashed goes to challenger, juror and fire, and nothing else is burned but bonds.
    function checkSlashes() private view {
        assertEq(token.balanceOf(stake.BURNED()), handler.burned(), "burned");
        assertTrue(2 * handler.slashDistributed() <= handler.slashed(), "at least half is burned");
    }

    /// The list to draw from holds exactly who has enough stake; holds count the open cases.
    function checkListsAndHolds() private view {
        uint256[] memory open = handler.openCases();
        uint256 active = 0;
        for (uint256 i = 0; i < handler.PARTIES(); ++i) {
            address party = handler.partyAt(i);
            assertTrue(stake.isActive(party) == (bonded(party) >= MIN_STAKE), "active");
            if (stake.isActive(party)) ++active;
            uint256 against = 0;
            for (uint256 j = 0; j < open.length; ++j) {
                if (court.caseOf(open[j]).worker == party) ++against;
            }
            assertEq(stake.partyOf(party).holds, against, "holds");
        }
        assertEq(stake.activeCount(), active, "count");
        uint256 heldChannels = 0;
        for (uint256 i = 0; i < 4; ++i) {
            heldChannels += escrow.channelOf(handler.partyAt(i % 2), handler.partyAt(2 + i / 2)).holds;
        }
        assertEq(heldChannels, open.length, "channels held");
    }

    /// One campaign for all of them.
    function invariant_books_balance_and_nobody_is_paid_twice() public view {
        checkSolvency();
        checkPayments();
        checkSlashes();
        checkListsAndHolds();
    }

    /// The invariants above are about something: a long walk meets every outcome.
    function test_a_long_walk_reaches_every_outcome() public {
        for (uint256 i = 0; i < 2000; ++i) {
            walk(uint256(keccak256(abi.encode(i))));
        }
        invariant_books_balance_and_nobody_is_paid_twice();
        string[21] memory outcomes = [
            "posted",
            "voucher redeemed",
            "voucher held",
            "published",
            "published paid",
            "published ahead",
            "published covered",
            "published in part",
            "forfeited",
            "challenged",
            "drawn",
            "fraud",
            "no fraud",
            "dismissed",
            "silent juror",
            "seat lost without a juror",
            "equivocation proven",
            "stake withdrawn",
            "channel withdrawn",
            "forfeited channel withdrawn",
            "credit withdrawn"
        ];
        for (uint256 i = 0; i < outcomes.length; ++i) {
            assertTrue(handler.reached(outcomes[i]) > 0, outcomes[i]);
        }
    }

    function walk(uint256 seed) private {
        uint256 a = uint256(keccak256(abi.encode(seed, "a")));
        uint256 b = uint256(keccak256(abi.encode(seed, "b")));
        uint256 choice = seed % 20;
        if (choice < 2) handler.addStake(a, b);
        else if (choice == 2) handler.unbond(a, b);
        else if (choice == 3) handler.withdrawStake(a);
        else if (choice == 4) handler.fillChannel(a, b, a ^ b);
        else if (choice == 5) handler.closeChannel(a, b);
        else if (choice == 6) handler.withdrawCredit(a, b);
        else if (choice == 7) handler.work(a, b, a ^ b);
        else if (choice == 8) handler.publish(a);
        else if (choice == 9) handler.payPublished(a);
        else if (choice == 10) handler.grant(a, b, a / 3, b / 3);
        else if (choice == 11) handler.payBatch(a);
        else if (choice == 12) handler.payPublished(b);
        else if (choice == 13) handler.equivocate(a, b);
        else if (choice == 14) handler.challenge(a, b);
        else if (choice == 15) handler.publish(b);
        else if (choice < 19) handler.stepCase(a, b);
        else handler.pass(a);
    }
}
