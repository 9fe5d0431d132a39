// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Escrow} from "./Escrow.sol";
import {ICourt} from "./ICourt.sol";
import {JuryCourt} from "./JuryCourt.sol";
import {Settlement} from "./Settlement.sol";
import {Stake} from "./Stake.sol";
import {Terms} from "./Terms.sol";

/// @notice Creates the four contracts of one network, which know each other and share one set of terms,
/// in one transaction. Afterwards it only tells their addresses.
/// @dev They refer to each other in immutables, so the later addresses are computed before they exist.
contract Deployment {
    Stake public immutable stake;
    Escrow public immutable escrow;
    Settlement public immutable settlement;
    JuryCourt public immutable court;

    error AddressMispredicted(address predicted, address actual);

    constructor(Terms memory terms) {
        address settlementAddress = _created(3);
        address courtAddress = _created(4);
        stake = new Stake(terms, settlementAddress, courtAddress);
        escrow = new Escrow(terms, settlementAddress);
        settlement = new Settlement(terms, stake, escrow, ICourt(courtAddress));
        court = new JuryCourt(terms, stake, settlement);
        if (address(settlement) != settlementAddress) {
            revert AddressMispredicted(settlementAddress, address(settlement));
        }
        if (address(court) != courtAddress) revert AddressMispredicted(courtAddress, address(court));
    }

    /// @dev The address of this contract's creation number `nonce`, which EIP-161 counts from 1:
    /// keccak256(rlp([this, nonce])) for a nonce of one byte.
    function _created(uint8 nonce) private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), bytes1(nonce))))));
    }
}
