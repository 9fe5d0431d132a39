// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice The token of development chains: a fixed supply, all of it the deployer's. Worth nothing.
contract DevToken is ERC20 {
    constructor(uint256 supply) ERC20("Assay development token", "DEV") {
        _mint(msg.sender, supply);
    }
}
