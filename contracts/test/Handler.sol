// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Order, Receipt} from "../src/AssayTypes.sol";
import {Credits} from "../src/Credits.sol";
import {Escrow} from "../src/Escrow.sol";
import {JuryCourt} from "../src/JuryCourt.sol";
import {Settlement} from "../src/Settlement.sol";
import {Stake} from "../src/Stake.sol";
import {Assertions} from "./Assertions.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @notice Random parties doing random things. It keeps a plain model of the orders beside the contracts,
/// predicts from it whether each claim, challenge and proof may succeed, and fails where that is wrong.
contract Handler is Assertions {
    uint256 public constant PARTIES = 8;
    uint256 private constant CLIENTS = 2;
    uint256 private constant WORKERS = 2;
    uint256 private constant MAX_BATCH = 4;

    /// @dev What the model knows of one order. `root` is zero until the receipt is posted.
    struct Work {
        Settlement.Claim claim;
        bytes32 root;
        uint256 claimableFrom;
        uint256 claimableAfterCase;
        uint256 caseId;
        bool claimed;
        bool void;
        uint256 timesPaid;
    }

    Stake public immutable stake;
    Escrow public immutable escrow;
    Settlement public immutable settlement;
    JuryCourt public immutable court;
    IERC20 public immutable token;

    address[PARTIES] private _parties;
    Work[] private _works;
    mapping(uint256 caseId => uint256 workIndex) private _workOf;
    uint256[] private _openCases;

    uint256 public burned;
    uint256 public slashed;
    uint256 public slashDistributed;
    uint256 public earned;
    uint256 public earningsWithdrawn;
    uint256 public tokensIn;
    mapping(string outcome => uint256 times) public reached;

    constructor(Settlement settlement_, IERC20 token_) {
        settlement = settlement_;
        stake = settlement_.stake();
        escrow = settlement_.escrow();
        court = JuryCourt(address(settlement_.court()));
        token = token_;
        for (uint256 i = 0; i < PARTIES; ++i) {
            _parties[i] = vm.addr(keyOf(i));
        }
    }

    /// @dev Parties 0 and 1 are clients, 2 and 3 workers, the others verifiers; any may stake.
    function keyOf(uint256 party) public pure returns (uint256) {
        return 0xA55A1 + party;
    }

    function partyAt(uint256 party) public view returns (address) {
        return _parties[party];
    }

    function workCount() external view returns (uint256) {
        return _works.length;
    }

    function workAt(uint256 index) external view returns (Work memory) {
        return _works[index];
    }

    function openCases() external view returns (uint256[] memory) {
        return _openCases;
    }

    // Stake and channels

    function addStake(uint256 party, uint256 amount) external {
        amount = bound(amount, 1, 1500);
        vm.prank(partyAt(party % PARTIES));
        stake.deposit(uint128(amount));
        tokensIn += amount;
    }

    function unbond(uint256 party, uint256 amount) external {
        address who = partyAt(party % PARTIES);
        uint256 bonded = stake.partyOf(who).bonded;
        if (bonded == 0) return;
        vm.prank(who);
        stake.requestUnbond(uint128(bound(amount, 1, bonded)));
    }

    function withdrawStake(uint256 party) external {
        address who = partyAt(party % PARTIES);
        Stake.Party memory before = stake.partyOf(who);
        bool may = before.unbonding > 0 && before.holds == 0 && vm.getBlockNumber() >= before.withdrawableFrom;
        vm.prank(who);
        try stake.withdraw() {
            assertTrue(may, "stake left too early");
            tokensIn -= before.unbonding;
            ++reached["stake withdrawn"];
        } catch {
            assertTrue(!may, "stake is stuck");
        }
    }

    function fillChannel(uint256 client, uint256 worker, uint256 amount) external {
        amount = bound(amount, 1, 500);
        vm.prank(partyAt(client % CLIENTS));
        escrow.deposit(partyAt(CLIENTS + worker % WORKERS), uint128(amount));
        tokensIn += amount;
    }

    function closeChannel(uint256 client, uint256 worker) external {
        address payer = partyAt(client % CLIENTS);
        address payee = partyAt(CLIENTS + worker % WORKERS);
        Escrow.Channel memory before = escrow.channelOf(payer, payee);
        if (before.withdrawableFrom == 0) {
            if (before.balance == 0) return;
            vm.prank(payer);
            escrow.requestWithdraw(payee);
            return;
        }
        if (client % 3 == 0 && vm.getBlockNumber() < before.withdrawableFrom) vm.roll(before.withdrawableFrom);
        bool may = before.balance > 0 && before.holds == 0 && vm.getBlockNumber() >= before.withdrawableFrom;
        vm.prank(payer);
        try escrow.withdraw(payee) {
            assertTrue(may, "channel left too early");
            tokensIn -= before.balance;
            ++reached["channel withdrawn"];
        } catch {
            assertTrue(!may, "channel is stuck");
        }
    }

    function withdrawCredit(uint256 party, uint256 where) external {
        address who = partyAt(party % PARTIES);
        Credits ledger = [Credits(stake), Credits(escrow), Credits(court)][where % 3];
        uint256 owed = ledger.creditOf(who);
        if (owed == 0) return;
        vm.prank(who);
        assertEq(ledger.withdrawCredit(), owed, "paid what was owed");
        tokensIn -= owed;
        if (where % 3 == 1) earningsWithdrawn += owed;
        ++reached["credit withdrawn"];
    }

    // Work

    /// @dev A batch of new receipts; posted where the worker may, else only signed.
    function work(uint256 client, uint256 worker, uint256 size, uint256 price) external {
        size = bound(size, 1, MAX_BATCH);
        uint256 workerNumber = CLIENTS + worker % WORKERS;
        uint256 first = _works.length;
        uint128 total = 0;
        bytes32[] memory leaves = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            Work storage made = _works.push();
            _sign(made, client % CLIENTS, workerNumber, first + i, uint128(bound(price / (i + 1), 0, 40)));
            leaves[i] = settlement.hashReceipt(made.claim.receipt);
            total += made.claim.receipt.price;
        }
        // Sometimes the worker announces too little: the last receipts cannot be claimed.
        if (price % 5 == 0 && total > 0) total -= 1;
        bytes32 root = MerkleTree.rootOf(leaves);
        for (uint256 i = 0; i < size; ++i) {
            Settlement.Claim storage made = _works[first + i].claim;
            (made.index, made.count, made.total) = (uint32(i), uint32(size), total);
            made.siblings = MerkleTree.siblingsOf(leaves, i);
        }
        address who = partyAt(workerNumber);
        bool may = stake.isActive(who);
        vm.prank(who);
        try settlement.postBatch(root, uint32(size), total) {
            assertTrue(may, "posted without stake");
            for (uint256 i = 0; i < size; ++i) {
                _works[first + i].root = root;
                _works[first + i].claimableFrom = vm.getBlockNumber() + settlement.windowBlocks();
            }
        } catch {
            assertTrue(!may, "could not post");
        }
    }

    function claim(uint256 seed) external {
        if (_works.length == 0) return;
        Work storage one = _works[seed % _works.length];
        // Often enough in time, to get somewhere.
        if (seed % 3 != 0 && one.root != 0 && vm.getBlockNumber() < one.claimableFrom) vm.roll(one.claimableFrom);
        Receipt memory receipt = one.claim.receipt;
        address payer = one.claim.order.client;
        bool may = _mayClaim(one, payer, receipt);
        try settlement.claim(one.claim) {
            assertTrue(may, "claimed what may not be claimed");
            one.claimed = true;
            ++one.timesPaid;
            earned += receipt.price;
            ++reached["claimed"];
        } catch {
            assertTrue(!may, "could not claim");
        }
    }

    function equivocate(uint256 seed, uint256 prover) external {
        if (_works.length == 0 || seed % 4 != 0) return;
        Work storage one = _works[seed / 4 % _works.length];
        Receipt memory other = one.claim.receipt;
        other.traceRoot = keccak256("another trace");
        bytes memory signature = _signature(_keyOf(one.claim.order.worker), settlement.hashReceipt(other));
        bool may = !one.void;
        uint256 amount = _stakeOf(one.claim.order.worker);
        address who = partyAt(prover % PARTIES);
        uint256 creditBefore = stake.creditOf(who);
        vm.prank(who);
        try settlement.proveEquivocation(
            one.claim.order, one.claim.receipt, one.claim.receiptSignature, other, signature
        ) {
            assertTrue(may, "proven twice");
            one.void = true;
            _noteSlash(amount, amount * 40 / 100, 0);
            assertEq(stake.creditOf(who) - creditBefore, amount * 40 / 100, "prover's share");
            ++reached["equivocation proven"];
        } catch {
            assertTrue(!may, "could not prove");
        }
    }

    // The court

    function challenge(uint256 seed, uint256 challenger) external {
        if (_works.length == 0) return;
        uint256 index = seed % _works.length;
        Work storage one = _works[index];
        address who = partyAt(challenger % PARTIES);
        Order memory order = one.claim.order;
        bool may = _mayChallenge(one, who);
        vm.prank(who);
        try settlement.challenge(
            order, one.claim.orderSignature, one.claim.receipt, one.claim.receiptSignature, "rival", "output"
        ) returns (uint256 caseId) {
            assertTrue(may, "challenged what may not be challenged");
            one.caseId = caseId;
            _workOf[caseId] = index;
            _openCases.push(caseId);
            tokensIn += court.bond();
            ++reached["challenged"];
        } catch {
            assertTrue(!may, "could not challenge");
        }
    }

    function stepCase(uint256 seed, uint256 choice) external {
        if (_openCases.length == 0) return;
        uint256 place = seed % _openCases.length;
        uint256 caseId = _openCases[place];
        JuryCourt.Case memory before = court.caseOf(caseId);
        if (before.state == JuryCourt.CaseState.Drawing) _draw(caseId, before, choice);
        else if (choice % 4 == 0) _redraw(caseId, before);
        else _rule(caseId, before, choice % 2 == 0);
        if (court.caseOf(caseId).state == JuryCourt.CaseState.Closed) {
            _openCases[place] = _openCases[_openCases.length - 1];
            _openCases.pop();
        }
    }

    function pass(uint256 blocks) external {
        vm.roll(vm.getBlockNumber() + bound(blocks, 1, 40));
    }

    function _draw(uint256 caseId, JuryCourt.Case memory before, uint256 choice) private {
        uint256 target = before.anchor + 1;
        if (choice % 7 == 0) target += court.drawBlocks();
        if (vm.getBlockNumber() < target) vm.roll(target);
        address juror = court.draw(caseId);
        if (juror == address(0)) {
            ++reached["seat lost without a juror"];
            _noteDismissal(caseId, before);
            return;
        }
        assertTrue(vm.getBlockNumber() <= before.anchor + court.drawBlocks(), "drawn too late");
        assertTrue(stake.isActive(juror), "a juror has stake");
        assertTrue(juror != before.worker && juror != before.challenger && juror != before.client, "not a party");
        for (uint256 i = 0; i < before.seat; ++i) {
            assertTrue(juror != before.silent[i], "not drawn before");
        }
        ++reached["drawn"];
    }

    function _redraw(uint256 caseId, JuryCourt.Case memory before) private {
        if (vm.getBlockNumber() <= before.deadline) vm.roll(before.deadline + 1);
        court.redraw(caseId);
        ++reached["silent juror"];
        _noteDismissal(caseId, before);
    }

    function _rule(uint256 caseId, JuryCourt.Case memory before, bool fraud) private {
        if (vm.getBlockNumber() > before.deadline) return;
        uint256 amount = _stakeOf(before.worker);
        vm.prank(before.juror);
        court.rule(caseId, fraud);
        Work storage one = _works[_workOf[caseId]];
        one.caseId = 0;
        if (fraud) {
            one.void = true;
            _noteSlash(amount, amount * 40 / 100, amount * 10 / 100);
            ++reached["fraud"];
        } else {
            one.claimableAfterCase = vm.getBlockNumber() + settlement.windowBlocks();
            _noteBurn(court.bond() - uint256(court.bond()) * 40 / 100 - uint256(court.bond()) * 20 / 100);
            ++reached["no fraud"];
        }
    }

    function _noteDismissal(uint256 caseId, JuryCourt.Case memory before) private {
        if (court.caseOf(caseId).state != JuryCourt.CaseState.Closed) return;
        assertEq(before.seat, 2, "only the last seat dismisses");
        Work storage one = _works[_workOf[caseId]];
        one.caseId = 0;
        one.claimableAfterCase = vm.getBlockNumber() + settlement.windowBlocks();
        _noteBurn(court.bond());
        ++reached["dismissed"];
    }

    function _noteSlash(uint256 amount, uint256 toChallenger, uint256 toJuror) private {
        slashed += amount;
        slashDistributed += toChallenger + toJuror;
        _noteBurn(amount - toChallenger - toJuror);
    }

    function _noteBurn(uint256 amount) private {
        burned += amount;
        tokensIn -= amount;
    }

    function _mayClaim(Work storage one, address payer, Receipt memory receipt) private view returns (bool) {
        if (one.root == 0 || one.claimed || one.void || one.caseId != 0) return false;
        if (vm.getBlockNumber() < one.claimableFrom || vm.getBlockNumber() < one.claimableAfterCase) return false;
        bytes32 id = settlement.batchIdOf(receipt.worker, one.root, one.claim.count, one.claim.total);
        if (uint256(settlement.batchOf(id).claimed) + receipt.price > one.claim.total) return false;
        return escrow.channelOf(payer, receipt.worker).balance >= receipt.price;
    }

    function _mayChallenge(Work storage one, address who) private view returns (bool) {
        Order memory order = one.claim.order;
        if (one.claimed || one.void || one.caseId != 0 || who == order.worker || !stake.isActive(who)) return false;
        if (court.hasChallenged(one.claim.receipt.orderHash, who)) return false;
        uint256 eligible = 0;
        for (uint256 i = 0; i < PARTIES; ++i) {
            address party = partyAt(i);
            bool involved = party == who || party == order.worker || party == order.client;
            if (stake.isActive(party) && !involved) ++eligible;
        }
        return eligible > 0;
    }

    function _stakeOf(address party) private view returns (uint256) {
        Stake.Party memory held = stake.partyOf(party);
        return uint256(held.bonded) + held.unbonding;
    }

    function _keyOf(address party) private view returns (uint256) {
        for (uint256 i = 0; i < PARTIES; ++i) {
            if (partyAt(i) == party) return keyOf(i);
        }
        revert NotTrue("a known party");
    }

    function _sign(Work storage made, uint256 client, uint256 worker, uint256 salt, uint128 price) private {
        Order memory order;
        order.client = partyAt(client);
        order.worker = partyAt(worker);
        (order.promptTokens, order.maxTokens) = (1, 1);
        order.outputPrice = price;
        order.salt = bytes32(salt);
        Receipt memory receipt;
        receipt.orderHash = settlement.hashOrder(order);
        receipt.worker = order.worker;
        (receipt.promptTokens, receipt.outputTokens, receipt.finishReason) = (1, 1, 1);
        receipt.price = price;
        made.claim.order = order;
        made.claim.receipt = receipt;
        made.claim.orderSignature = _signature(keyOf(client), receipt.orderHash);
        made.claim.receiptSignature = _signature(keyOf(worker), settlement.hashReceipt(receipt));
    }

    function _signature(uint256 key, bytes32 structHash) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, settlement.digestOf(structHash));
        return abi.encodePacked(r, s, v);
    }
}
