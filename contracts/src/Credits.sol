// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @notice What a contract owes to whom, paid out when its owner asks: one party's failing transfer
/// cannot stop another's case or claim.
/// @dev No reentrancy guard: every function here and in the heirs changes its state before it calls the
/// token, and a deposit whose transfer fails reverts as a whole.
abstract contract Credits {
    using SafeERC20 for IERC20;

    /// @notice Where burned tokens go: an address nobody has a key for. ERC-20 itself has no burning.
    address public constant BURNED = 0x000000000000000000000000000000000000dEaD;

    /// @notice The one token of the deployment.
    IERC20 public immutable token;

    /// @notice Base units that `party` can withdraw now.
    mapping(address party => uint256 amount) public creditOf;

    event Withdrawn(address indexed party, uint256 amount);

    error NothingToWithdraw(address party);
    error ZeroAmount();

    constructor(IERC20 token_) {
        token = token_;
    }

    /// @notice Pays the caller all it is owed here.
    function withdrawCredit() external returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        emit Withdrawn(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    function _credit(address party, uint256 amount) internal {
        creditOf[party] += amount;
    }

    function _burn(uint256 amount) internal {
        token.safeTransfer(BURNED, amount);
    }
}
