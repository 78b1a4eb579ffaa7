"""stub"""
from __future__ import annotations
from plainnet.engines.compiled.assembly import number
def _i(name): return lambda f,a: f.intrinsic(name,a.type,a)
def _exp(f,a): return f.intrinsic("exp",a.type,a)
def _tanh(f,a):
    two=number(a.type,2.0); one=number(a.type,1.0)
    e=_exp(f,f.multiply(two,a)); return f.divide(f.subtract(e,one),f.add(e,one))
FUNCTIONS={"exp":_exp,"log":_i("log"),"sqrt":_i("sqrt"),"tanh":_tanh,
 "log1p":lambda f,a: f.intrinsic("log",a.type,f.add(number(a.type,1.0),a)),
 "expm1":lambda f,a: f.subtract(_exp(f,a),number(a.type,1.0))}
BINARY={"power":lambda f,a,b: f.intrinsic("pow",a.type,a,b)}
