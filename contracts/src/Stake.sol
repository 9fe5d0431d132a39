// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Credits} from "./Credits.sol";
import {DrawList} from "./DrawList.sol";
import {Terms, TermsChecks} from "./Terms.sol";

/// @notice Stakes of workers and verifiers (spec/04 §4.2), and the list that jurors are drawn from.
contract Stake is Credits {
    using SafeERC20 for IERC20;
    using TermsChecks for Terms;
    using DrawList for DrawList.List;

    /// @dev Amounts are base units. `withdrawableFrom` is the block from which `unbonding` can leave, zero
    /// when nothing unbonds. `holds` counts the open challenges against the party.
    struct Party {
        uint128 bonded;
        uint128 unbonding;
        uint64 withdrawableFrom;
        uint64 holds;
    }

    /// @notice Per cent of a slashed stake; the rest is burned, so that slashing oneself costs at least half.
    uint256 public constant CHALLENGER_PERCENT = 40;
    uint256 public constant JUROR_PERCENT = 10;

    uint128 public immutable minStake;
    uint64 public immutable unbondingBlocks;
    uint64 public immutable windowBlocks;
    address public immutable settlement;
    address public immutable court;

    mapping(address party => Party) private _parties;
    DrawList.List private _active;

    event StakeDeposited(address indexed party, uint256 amount, uint256 bonded);
    event UnbondRequested(address indexed party, uint256 amount, uint256 unbonding, uint64 withdrawableFrom);
    event StakeWithdrawn(address indexed party, uint256 amount);
    event Slashed(
        address indexed party,
        address indexed challenger,
        address indexed juror,
        uint256 amount,
        uint256 toChallenger,
        uint256 toJuror,
        uint256 burned
    );

    error NotEnoughBonded(uint256 amount, uint256 bonded);
    error NothingUnbonding(address party);
    error StillUnbonding(uint64 withdrawableFrom);
    error HeldByChallenge(uint64 holds);
    error NotAllowed(address caller);

    constructor(Terms memory terms, address settlement_, address court_) Credits(terms.token) {
        terms.check();
        minStake = terms.minStake;
        unbondingBlocks = terms.unbondingBlocks;
        windowBlocks = terms.windowBlocks;
        settlement = settlement_;
        court = court_;
    }

    /// @notice Adds `amount` base units to the caller's bonded stake.
    function deposit(uint128 amount) external {
        if (amount == 0) revert ZeroAmount();
        Party storage party = _parties[msg.sender];
        uint128 bonded = party.bonded + amount;
        party.bonded = bonded;
        if (bonded >= minStake) _active.add(msg.sender);
        emit StakeDeposited(msg.sender, amount, bonded);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Starts to take `amount` out. It stays slashable until `withdraw`.
    /// @dev A second request starts the time again for all that is unbonding.
    function requestUnbond(uint128 amount) external {
        if (amount == 0) revert ZeroAmount();
        Party storage party = _parties[msg.sender];
        if (amount > party.bonded) revert NotEnoughBonded(amount, party.bonded);
        party.bonded -= amount;
        party.unbonding += amount;
        party.withdrawableFrom = uint64(block.number) + unbondingBlocks;
        if (party.bonded < minStake) _active.remove(msg.sender);
        emit UnbondRequested(msg.sender, amount, party.unbonding, party.withdrawableFrom);
    }

    /// @notice Pays out all of the caller's stake that has finished unbonding.
    function withdraw() external returns (uint256 amount) {
        Party storage party = _parties[msg.sender];
        amount = party.unbonding;
        if (amount == 0) revert NothingUnbonding(msg.sender);
        if (party.holds != 0) revert HeldByChallenge(party.holds);
        if (block.number < party.withdrawableFrom) revert StillUnbonding(party.withdrawableFrom);
        party.unbonding = 0;
        party.withdrawableFrom = 0;
        emit StakeWithdrawn(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @notice Keeps the party's stake here while a challenge against it is open.
    /// @dev Without this a confederate's empty challenge could occupy a fraud until the stake is gone.
    function hold(address party) external {
        if (msg.sender != settlement) revert NotAllowed(msg.sender);
        _parties[party].holds += 1;
    }

    /// @notice Ends one hold. Stake that unbonds stays one more window, for the next challenger.
    function release(address party) external {
        if (msg.sender != settlement) revert NotAllowed(msg.sender);
        Party storage held = _parties[party];
        held.holds -= 1;
        uint64 earliest = uint64(block.number) + windowBlocks;
        if (held.unbonding != 0 && held.withdrawableFrom < earliest) held.withdrawableFrom = earliest;
    }

    /// @notice Takes the whole stake of `party`, unbonding or not: shares for who found and who judged the
    /// fraud, the rest is burned.
    /// @param juror The zero address where no court was needed; its share is then burned.
    /// @return amount What there was to take, possibly nothing.
    function slash(address party, address challenger, address juror) external returns (uint256 amount) {
        if (msg.sender != settlement && msg.sender != court) revert NotAllowed(msg.sender);
        Party storage slashed = _parties[party];
        amount = uint256(slashed.bonded) + slashed.unbonding;
        if (amount == 0) return 0;
        slashed.bonded = 0;
        slashed.unbonding = 0;
        slashed.withdrawableFrom = 0;
        _active.remove(party);
        uint256 toChallenger = amount * CHALLENGER_PERCENT / 100;
        uint256 toJuror = juror == address(0) ? 0 : amount * JUROR_PERCENT / 100;
        uint256 burned = amount - toChallenger - toJuror;
        _credit(challenger, toChallenger);
        if (toJuror != 0) _credit(juror, toJuror);
        emit Slashed(party, challenger, juror, amount, toChallenger, toJuror, burned);
        _burn(burned);
    }

    /// @notice Whether `party` may work, challenge and be drawn: at least `minStake` bonded, not unbonding.
    function isActive(address party) external view returns (bool) {
        return _active.contains(party);
    }

    /// @notice How many parties are active.
    function activeCount() external view returns (uint256) {
        return _active.length();
    }

    function partyOf(address party) external view returns (Party memory) {
        return _parties[party];
    }

    /// @notice Draws among who was active at the end of block `blockNumber` and is still (`DrawList.draw`).
    function draw(bytes32 seed, uint256 blockNumber, address[] calldata excluded) external view returns (address) {
        return _active.draw(seed, blockNumber, excluded);
    }
}
