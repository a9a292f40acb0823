"""Print src/dft_utils/_abi.py, the C ABI for ctypes, from include/dft_utils.h.

    python generate_abi.py HEADER

Needs pycparser. `cargo xtask header` runs this program, or checks that the file is up to date.
"""

import re
import sys
from pathlib import Path

from pycparser import CParser, c_ast

INTEGERS = {
    f"{sign}int{bits}_t": f"c_{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
BASIC = {"double": "c_double", "char": "c_char", **INTEGERS}

HEAD = '''"""The C ABI of libdft_utils, as ctypes knows it.

Generated from include/dft_utils.h by generate_abi.py (`cargo xtask header`): not to be edited.
"""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
'''


def declarations(text):
    """Return the declarations of the header, without preprocessor directives."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.S)
    text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    integers = "".join(f"typedef int {name};\n" for name in INTEGERS)
    return CParser().parse(integers + text).ext


class Types:
    def __init__(self):
        # Structs that are only used through pointers.
        self.opaque = set()
        self.aliases = {}

    def of(self, node):
        if isinstance(node, c_ast.FuncDecl):
            return self.function(node)
        if isinstance(node, c_ast.PtrDecl):
            return self.pointer(node.type)
        name = self.name(node)
        return BASIC.get(name) or self.aliases.get(name) or name

    def name(self, node):
        inner = node.type
        if isinstance(inner, c_ast.Struct):
            return inner.name
        return " ".join(inner.names)

    def pointer(self, to):
        if isinstance(to, c_ast.FuncDecl):
            return self.function(to)
        if isinstance(to, c_ast.PtrDecl):
            return f"POINTER({self.pointer(to.type)})"
        name = self.name(to)
        if name == "char":
            # A pointer to const is a text, for which ctypes accepts bytes; any other is a buffer to write to.
            return "c_char_p" if "const" in (to.quals or []) else "POINTER(c_char)"
        if name == "void" or name in self.opaque:
            return "c_void_p"
        return f"POINTER({self.of(to)})"

    def function(self, node):
        returned = node.type
        is_void = not isinstance(returned, c_ast.PtrDecl) and self.name(returned) == "void"
        result = "None" if is_void else self.of(returned)
        return f"CFUNCTYPE({', '.join([result, *self.arguments(node)])})"

    def arguments(self, node):
        if node.args is None:
            return []
        return [
            self.of(argument.type)
            for argument in node.args.params
            if not (isinstance(argument.type, c_ast.TypeDecl) and self.name(argument.type) == "void")
        ]


def generate(header):
    nodes = declarations(header)
    types = Types()
    for node in nodes:
        struct = node.type.type if isinstance(node.type, c_ast.TypeDecl) else None
        if isinstance(struct, c_ast.Struct) and struct.decls is None:
            types.opaque.add(struct.name)
    types.opaque.add("ArrowArrayStream")
    out = [HEAD]
    constants = re.findall(r"^#define (DFT_[A-Z_]+) (-?\d+)$", header, flags=re.M)
    out.append("".join(f"{name} = {value}\n" for name, value in constants))
    functions = []
    for node in nodes:
        if isinstance(node, c_ast.Typedef) and node.name not in INTEGERS:
            inner = node.type
            struct = inner.type if isinstance(inner, c_ast.TypeDecl) else None
            if isinstance(struct, c_ast.Struct):
                if struct.decls:
                    fields = "".join(f'        ("{field.name}", {types.of(field.type)}),\n' for field in struct.decls)
                    out.append(f"\nclass {node.name}(Structure):\n    _fields_ = [\n{fields}    ]\n")
            else:
                out.append(f"\n{node.name} = {types.of(inner)}\n")
        elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
            arguments = ", ".join(types.arguments(node.type))
            functions.append(f'    "{node.name}": ({types.of(node.type.type)}, [{arguments}]),\n')
    out.append(f"\n# What each function returns and takes.\nFUNCTIONS = {{\n{''.join(functions)}}}\n")
    return "\n".join(out)


def main():
    sys.stdout.write(generate(Path(sys.argv[1]).read_text()))


main()
