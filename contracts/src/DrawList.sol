// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice A list of parties that remembers how it was at each block, to draw from as it was.
/// @dev A draw is decided by a block hash. If it were made from the list of the moment, whoever sees the
/// hash first could join or leave until the draw fell on its own party; so it is made from the list as it
/// was before the hash was known. Leaving moves the last party into the gap: O(1), no growing loop.
library DrawList {
    using Checkpoints for Checkpoints.Trace160;

    struct List {
        Checkpoints.Trace160 size;
        mapping(uint256 position => Checkpoints.Trace160) parties;
        /// Position plus one; zero for who is not in the list.
        mapping(address party => uint256) place;
    }

    /// @dev Attempts of one draw. At most MAX_EXCLUDED of them meet somebody excluded, the others only
    /// parties that have left since.
    uint256 internal constant MAX_TRIES = 8;
    uint256 internal constant MAX_EXCLUDED = 5;

    error TooManyExcluded(uint256 excluded, uint256 atMost);

    function contains(List storage list, address party) internal view returns (bool) {
        return list.place[party] != 0;
    }

    function length(List storage list) internal view returns (uint256) {
        return list.size.latest();
    }

    /// @dev Nothing if `party` is in the list already.
    function add(List storage list, address party) internal {
        if (contains(list, party)) return;
        uint256 position = length(list);
        list.parties[position].push(_now(), uint160(party));
        _resize(list, position + 1);
        list.place[party] = position + 1;
    }

    /// @dev Nothing if `party` is not in the list.
    function remove(List storage list, address party) internal {
        if (!contains(list, party)) return;
        uint256 position = list.place[party] - 1;
        uint256 last = length(list) - 1;
        if (position != last) {
            address moved = address(list.parties[last].latest());
            list.parties[position].push(_now(), uint160(moved));
            list.place[moved] = position + 1;
        }
        _resize(list, last);
        delete list.place[party];
    }

    /// @notice Draws, without replacement and each with the same chance, among the parties that were in the
    /// list at the end of block `blockNumber`, until one comes that is in it still and not excluded.
    /// @return drawn The zero address if MAX_TRIES attempts, or all that there were, brought nobody.
    function draw(List storage list, bytes32 seed, uint256 blockNumber, address[] memory excluded)
        internal
        view
        returns (address drawn)
    {
        if (excluded.length > MAX_EXCLUDED) revert TooManyExcluded(excluded.length, MAX_EXCLUDED);
        uint96 asOf = SafeCast.toUint96(blockNumber);
        uint256 size = list.size.upperLookupRecent(asOf);
        uint256 tries = size < MAX_TRIES ? size : MAX_TRIES;
        // A shuffle of 0 … size − 1 of which only the changed places are kept.
        uint256[] memory places = new uint256[](tries);
        uint256[] memory values = new uint256[](tries);
        for (uint256 i = 0; i < tries; ++i) {
            uint256 picked = i + uint256(keccak256(abi.encode(seed, i))) % (size - i);
            address party = address(list.parties[_valueAt(places, values, i, picked)].upperLookupRecent(asOf));
            if (contains(list, party) && !_isIn(excluded, party)) return party;
            values[i] = _valueAt(places, values, i, i);
            places[i] = picked;
        }
    }

    /// @dev What stands at `place` after the first `changes` swaps: the latest one counts.
    function _valueAt(uint256[] memory places, uint256[] memory values, uint256 changes, uint256 place)
        private
        pure
        returns (uint256)
    {
        for (uint256 i = changes; i > 0; --i) {
            if (places[i - 1] == place) return values[i - 1];
        }
        return place;
    }

    function _isIn(address[] memory parties, address party) private pure returns (bool) {
        for (uint256 i = 0; i < parties.length; ++i) {
            if (parties[i] == party) return true;
        }
        return false;
    }

    function _resize(List storage list, uint256 size) private {
        list.size.push(_now(), SafeCast.toUint160(size));
    }

    function _now() private view returns (uint96) {
        return SafeCast.toUint96(block.number);
    }
}
