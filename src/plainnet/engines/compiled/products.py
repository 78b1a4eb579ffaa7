"""stub"""
from __future__ import annotations
from typing import NamedTuple
from plainnet.engines.compiled.assembly import Function, Value, number, whole
class Matrix(NamedTuple):
    address: Value
    row: Value
    column: Value
def product(f, type, m, n, k, a, b, c):
    with f.loop(whole(0),m) as i:
        with f.loop(whole(0),n) as j:
            pa=f.place(a.address,type,f.multiply(i.index,a.row))
            pb=f.place(b.address,type,f.multiply(j.index,b.column))
            with f.loop(whole(0),k,carried=(number(type,0),)) as l:
                x=f.load(type,f.place(pa,type,f.multiply(l.index,a.column)))
                y=f.load(type,f.place(pb,type,f.multiply(l.index,b.row)))
                l.next=(f.multiply_add(x,y,l.carried[0]),)
            f.store(l.carried[0],f.place(f.place(c.address,type,f.multiply(i.index,c.row)),type,j.index))
