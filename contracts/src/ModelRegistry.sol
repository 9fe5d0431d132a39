// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Program roots and their names (spec/04 §4.1). First come; nothing ever changes.
contract ModelRegistry {
    /// @dev `registeredAt` is a block.
    struct Model {
        address registrant;
        uint64 registeredAt;
        string name;
    }

    uint256 public constant MAX_NAME_BYTES = 64;

    /// @notice The program root under a name; zero where there is none.
    mapping(string name => bytes32 programRoot) public programOf;

    mapping(bytes32 programRoot => Model) private _models;

    event ModelRegistered(bytes32 indexed programRoot, address indexed registrant, string name);

    error RootInvalid();
    error RootTaken(bytes32 programRoot);
    error NameTaken(string name, bytes32 programRoot);
    error NameInvalid(string name);

    /// @notice Registers a program under a name of 1 to 64 of the characters a-z 0-9 . _ - /
    /// @dev One case only, so that two names never look alike. A registration says nothing about the model.
    function register(bytes32 programRoot, string calldata name) external {
        if (programRoot == 0) revert RootInvalid();
        if (_models[programRoot].registrant != address(0)) revert RootTaken(programRoot);
        if (!_isName(bytes(name))) revert NameInvalid(name);
        bytes32 taken = programOf[name];
        if (taken != 0) revert NameTaken(name, taken);
        programOf[name] = programRoot;
        _models[programRoot] = Model({registrant: msg.sender, registeredAt: uint64(block.number), name: name});
        emit ModelRegistered(programRoot, msg.sender, name);
    }

    /// @notice A registered model; its registrant is the zero address where there is none.
    function modelOf(bytes32 programRoot) external view returns (Model memory) {
        return _models[programRoot];
    }

    function _isName(bytes calldata name) private pure returns (bool) {
        if (name.length == 0 || name.length > MAX_NAME_BYTES) return false;
        for (uint256 i = 0; i < name.length; ++i) {
            bytes1 c = name[i];
            bool letter = c >= "a" && c <= "z";
            bool digit = c >= "0" && c <= "9";
            if (!letter && !digit && c != "." && c != "_" && c != "-" && c != "/") return false;
        }
        return true;
    }
}
