// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Credits} from "./Credits.sol";
import {Dispute, ICourt} from "./ICourt.sol";
import {Settlement} from "./Settlement.sol";
import {Stake} from "./Stake.sol";
import {SEATS, Terms, TermsChecks} from "./Terms.sol";

/// @notice Decides a challenged receipt by the word of one staked verifier, drawn by a block hash
/// (spec/04 §4.7). The juror re-executes the program; that its word is true is trusted.
/// @dev The draw uses the hash of the block after the challenge, because it can still be read when the draw
/// is made: whoever calls `draw` cannot choose it. `prevrandao` can be read in its own block only, so that
/// the caller would choose among blocks. Who builds exactly that block can still grind its hash.
contract JuryCourt is ICourt, Credits {
    using SafeERC20 for IERC20;
    using TermsChecks for Terms;

    enum CaseState {
        None,
        Drawing,
        Ruling,
        Closed
    }

    /// @dev `anchor` is the block whose hash decides the draw; `deadline` the last block for a ruling;
    /// `seat` counts from zero; `silent` are the jurors of the seats before.
    struct Case {
        bytes32 orderHash;
        address challenger;
        uint64 anchor;
        CaseState state;
        uint8 seat;
        address worker;
        uint64 deadline;
        address client;
        address juror;
        address[SEATS - 1] silent;
    }

    /// @notice Per cent of the bond of a challenger that was wrong; the rest is burned.
    uint256 public constant WORKER_PERCENT = 40;
    uint256 public constant JUROR_PERCENT = 20;

    uint128 public immutable bond;
    uint64 public immutable rulingBlocks;
    uint64 public immutable drawBlocks;
    uint64 public immutable longestCase;
    Stake public immutable stake;
    Settlement public immutable settlement;

    /// @notice The number of cases so far; ids count from 1.
    uint256 public caseCount;

    /// @notice Whether `challenger` has had a case about this order.
    mapping(bytes32 orderHash => mapping(address challenger => bool)) public hasChallenged;

    mapping(uint256 caseId => Case) private _cases;

    event Challenged(
        uint256 indexed caseId,
        bytes32 indexed receiptHash,
        address indexed worker,
        bytes32 orderHash,
        address client,
        address challenger,
        bytes32 rivalTraceRoot,
        bytes32 rivalOutputCommitment,
        uint64 anchor
    );
    event JurorDrawn(uint256 indexed caseId, address indexed juror, uint8 seat, uint64 deadline);
    event SeatLost(uint256 indexed caseId, address indexed juror, uint8 seat);
    event DrawAnchored(uint256 indexed caseId, uint8 seat, uint64 anchor);
    event Ruled(uint256 indexed caseId, bytes32 indexed orderHash, address indexed juror, bool fraud);
    event ChallengeDismissed(uint256 indexed caseId, bytes32 indexed orderHash);

    error NotSettlement(address caller);
    error AlreadyChallenged(bytes32 orderHash, address challenger);
    error NoEligibleJuror();
    error NotDrawing(uint256 caseId);
    error NotRuling(uint256 caseId);
    error DrawTooEarly(uint64 from);
    error RedrawTooEarly(uint64 from);
    error RulingTooLate(uint64 deadline);
    error NotJuror(address caller, address juror);

    constructor(Terms memory terms, Stake stake_, Settlement settlement_) Credits(terms.token) {
        terms.check();
        bond = terms.bond;
        rulingBlocks = terms.rulingBlocks;
        drawBlocks = terms.drawBlocks();
        longestCase = terms.longestCase();
        stake = stake_;
        settlement = settlement_;
    }

    /// @inheritdoc ICourt
    function open(Dispute calldata dispute) external returns (uint256 caseId) {
        if (msg.sender != address(settlement)) revert NotSettlement(msg.sender);
        if (hasChallenged[dispute.orderHash][dispute.challenger]) {
            revert AlreadyChallenged(dispute.orderHash, dispute.challenger);
        }
        _requireEligible(dispute);
        hasChallenged[dispute.orderHash][dispute.challenger] = true;
        caseId = ++caseCount;
        Case storage opened = _cases[caseId];
        opened.orderHash = dispute.orderHash;
        opened.challenger = dispute.challenger;
        opened.anchor = uint64(block.number) + 1;
        opened.state = CaseState.Drawing;
        opened.worker = dispute.worker;
        opened.client = dispute.client;
        emit Challenged(
            caseId,
            dispute.receiptHash,
            dispute.worker,
            dispute.orderHash,
            dispute.client,
            dispute.challenger,
            dispute.rivalTraceRoot,
            dispute.rivalOutputCommitment,
            opened.anchor
        );
        token.safeTransferFrom(dispute.challenger, address(this), bond);
    }

    /// @notice Draws the juror by the hash of the anchor block, among who was active when the anchor was
    /// set, without the worker, the client, the challenger and the silent jurors. Anyone may call.
    /// @dev A draw that comes too late, or finds nobody, costs one of the seats: whoever dislikes a result
    /// cannot wait for another without a price, and a case cannot hang.
    function draw(uint256 caseId) external returns (address juror) {
        Case storage drawing = _cases[caseId];
        if (drawing.state != CaseState.Drawing) revert NotDrawing(caseId);
        uint64 anchor = drawing.anchor;
        if (block.number <= anchor) revert DrawTooEarly(anchor + 1);
        if (block.number <= anchor + drawBlocks) {
            bytes32 seed = keccak256(abi.encode(blockhash(anchor), caseId, drawing.seat));
            juror = stake.draw(seed, anchor - 1, _excluded(drawing));
        }
        if (juror == address(0)) {
            _loseSeat(caseId, drawing);
            return juror;
        }
        drawing.juror = juror;
        drawing.state = CaseState.Ruling;
        drawing.deadline = uint64(block.number) + rulingBlocks;
        emit JurorDrawn(caseId, juror, drawing.seat, drawing.deadline);
    }

    /// @notice Takes the seat from a juror that has not ruled in time. Anyone may call; `draw` follows.
    function redraw(uint256 caseId) external {
        Case storage drawn = _cases[caseId];
        if (drawn.state != CaseState.Ruling) revert NotRuling(caseId);
        if (block.number <= drawn.deadline) revert RedrawTooEarly(drawn.deadline + 1);
        _loseSeat(caseId, drawn);
    }

    /// @notice The drawn juror's word. Fraud: the worker is slashed and the bond returned. No fraud: the
    /// bond is shared between worker and juror, the rest burned.
    function rule(uint256 caseId, bool fraud) external {
        Case storage ruled = _cases[caseId];
        if (ruled.state != CaseState.Ruling) revert NotRuling(caseId);
        if (msg.sender != ruled.juror) revert NotJuror(msg.sender, ruled.juror);
        if (block.number > ruled.deadline) revert RulingTooLate(ruled.deadline);
        ruled.state = CaseState.Closed;
        emit Ruled(caseId, ruled.orderHash, msg.sender, fraud);
        if (fraud) {
            _credit(ruled.challenger, bond);
            settlement.resolve(ruled.orderHash, ruled.client, ruled.worker, true);
            stake.slash(ruled.worker, ruled.challenger, msg.sender);
        } else {
            uint256 toWorker = uint256(bond) * WORKER_PERCENT / 100;
            uint256 toJuror = uint256(bond) * JUROR_PERCENT / 100;
            _credit(ruled.worker, toWorker);
            _credit(msg.sender, toJuror);
            settlement.resolve(ruled.orderHash, ruled.client, ruled.worker, false);
            _burn(bond - toWorker - toJuror);
        }
    }

    function caseOf(uint256 caseId) external view returns (Case memory) {
        return _cases[caseId];
    }

    /// @dev The last seat lost dismisses the challenge: its challenger must make the evidence available.
    function _loseSeat(uint256 caseId, Case storage losing) private {
        uint8 seat = losing.seat;
        emit SeatLost(caseId, losing.juror, seat);
        if (seat + 1 == SEATS) {
            losing.state = CaseState.Closed;
            emit ChallengeDismissed(caseId, losing.orderHash);
            settlement.resolve(losing.orderHash, losing.client, losing.worker, false);
            _burn(bond);
            return;
        }
        losing.silent[seat] = losing.juror;
        losing.juror = address(0);
        losing.seat = seat + 1;
        losing.state = CaseState.Drawing;
        losing.anchor = uint64(block.number) + 1;
        emit DrawAnchored(caseId, seat + 1, losing.anchor);
    }

    /// @dev The challenger is active: the settlement has checked it. It is not the worker, but may be the client.
    function _requireEligible(Dispute calldata dispute) private view {
        uint256 barred = 1;
        if (stake.isActive(dispute.worker)) ++barred;
        bool clientCounts = dispute.client != dispute.worker && dispute.client != dispute.challenger;
        if (clientCounts && stake.isActive(dispute.client)) ++barred;
        if (stake.activeCount() <= barred) revert NoEligibleJuror();
    }

    function _excluded(Case storage drawing) private view returns (address[] memory excluded) {
        excluded = new address[](3 + drawing.seat);
        excluded[0] = drawing.worker;
        excluded[1] = drawing.challenger;
        excluded[2] = drawing.client;
        for (uint256 i = 0; i < drawing.seat; ++i) {
            excluded[3 + i] = drawing.silent[i];
        }
    }
}
