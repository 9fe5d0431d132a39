// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Deployment} from "../src/Deployment.sol";
import {DevToken} from "../src/DevToken.sol";
import {Escrow} from "../src/Escrow.sol";
import {ICourt} from "../src/ICourt.sol";
import {JuryCourt} from "../src/JuryCourt.sol";
import {ModelRegistry} from "../src/ModelRegistry.sol";
import {Settlement} from "../src/Settlement.sol";
import {Stake} from "../src/Stake.sol";
import {Terms, TermsChecks} from "../src/Terms.sol";
import {Network} from "./Network.sol";

contract DeploymentTest is Network {
    function deployFails(Terms memory wrong, bytes memory revertData) private {
        expectRevert(revertData);
        new Deployment(wrong);
        expectRevert(revertData);
        new Stake(wrong, address(1), address(2));
        expectRevert(revertData);
        new Escrow(wrong, address(1));
        expectRevert(revertData);
        new Settlement(wrong, stake, escrow, court);
        expectRevert(revertData);
        new JuryCourt(wrong, stake, settlement);
    }

    function test_the_contracts_know_each_other_and_the_terms() public view {
        assertEq(stake.settlement(), address(settlement), "stake: settlement");
        assertEq(stake.court(), address(court), "stake: court");
        assertEq(escrow.settlement(), address(settlement), "escrow: settlement");
        assertEq(address(settlement.stake()), address(stake), "settlement: stake");
        assertEq(address(settlement.escrow()), address(escrow), "settlement: escrow");
        assertEq(address(settlement.court()), address(court), "settlement: court");
        assertEq(address(court.stake()), address(stake), "court: stake");
        assertEq(address(court.settlement()), address(settlement), "court: settlement");
        assertEq(address(stake.token()), address(token), "stake: token");
        assertEq(address(escrow.token()), address(token), "escrow: token");
        assertEq(address(court.token()), address(token), "court: token");
        assertEq(stake.minStake(), MIN_STAKE, "minStake");
        assertEq(stake.unbondingBlocks(), UNBONDING, "unbondingBlocks");
        assertEq(escrow.withdrawBlocks(), WITHDRAW, "withdrawBlocks");
        assertEq(settlement.windowBlocks(), WINDOW, "windowBlocks");
        assertEq(court.bond(), BOND, "bond");
        assertEq(court.rulingBlocks(), RULING, "rulingBlocks");
        assertEq(court.drawBlocks(), RULING, "drawBlocks");
    }

    function test_the_domain_is_the_one_of_the_specification() public view {
        (, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
            settlement.eip712Domain();
        assertEq(keccak256(bytes(name)), keccak256("Assay"), "name");
        assertEq(keccak256(bytes(version)), keccak256("1"), "version");
        assertEq(chainId, block.chainid, "chainId");
        assertEq(verifyingContract, address(settlement), "verifyingContract");
    }

    function test_a_draw_never_waits_longer_than_block_hashes_last() public {
        Terms memory slow = terms();
        (slow.rulingBlocks, slow.unbondingBlocks) = (1000, 100_000);
        JuryCourt patient = new Deployment(slow).court();
        assertEq(patient.drawBlocks(), 256, "drawBlocks");
        assertEq(patient.longestCase(), 3 * (256 + 1000 + 2), "longestCase");
    }

    function test_no_term_is_missing() public {
        bytes memory missing = abi.encodeWithSelector(TermsChecks.TermMissing.selector);
        Terms memory wrong = terms();
        wrong.token = IERC20(address(0));
        deployFails(wrong, missing);
        wrong = terms();
        wrong.minStake = 0;
        deployFails(wrong, missing);
        wrong = terms();
        wrong.bond = 0;
        deployFails(wrong, missing);
        wrong = terms();
        wrong.windowBlocks = 0;
        deployFails(wrong, missing);
        wrong = terms();
        wrong.rulingBlocks = 0;
        deployFails(wrong, missing);
    }

    function test_stake_outlives_publication_and_case() public {
        Terms memory wrong = terms();
        wrong.unbondingBlocks = PUBLICATION + LONGEST_CASE;
        deployFails(
            wrong,
            abi.encodeWithSelector(
                TermsChecks.UnbondingTooShort.selector, PUBLICATION + LONGEST_CASE, PUBLICATION + LONGEST_CASE
            )
        );
    }

    function test_a_worker_has_time_to_publish_wait_and_be_paid() public {
        Terms memory wrong = terms();
        wrong.withdrawBlocks = 6 * WINDOW - 1;
        deployFails(
            wrong,
            abi.encodeWithSelector(TermsChecks.WithdrawalTooShort.selector, 6 * WINDOW - 1, 6 * WINDOW)
        );
    }

    /// The bytecode that is tested here is the one that packages/chain deploys.
    function test_forge_and_the_build_script_agree_on_the_bytecode() public view {
        string memory json = vm.readFile("contracts/snapshots/bytecode.json");
        compareDigest(json, ".DevToken", type(DevToken).creationCode);
        compareDigest(json, ".ModelRegistry", type(ModelRegistry).creationCode);
        compareDigest(json, ".Deployment", type(Deployment).creationCode);
        compareDigest(json, ".Stake", type(Stake).creationCode);
        compareDigest(json, ".Escrow", type(Escrow).creationCode);
        compareDigest(json, ".Settlement", type(Settlement).creationCode);
        compareDigest(json, ".JuryCourt", type(JuryCourt).creationCode);
    }

    function compareDigest(string memory json, string memory key, bytes memory code) private pure {
        assertEq(sha256(code), vm.parseJsonBytes32(json, key), key);
    }

    function test_the_supply_of_the_development_token_is_fixed() public {
        DevToken made = new DevToken(42);
        assertEq(made.totalSupply(), 42, "supply");
        assertEq(made.balanceOf(address(this)), 42, "the deployer's");
    }

    function test_the_court_stands_behind_an_interface() public view {
        assertEq(ICourt(address(court)).longestCase(), LONGEST_CASE, "longestCase");
    }
}
