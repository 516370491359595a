"""Pairs of answers that are the same and pairs that are not, both ways round, decided in this process."""

from __future__ import annotations

import pytest

from potstill.verify.symbolic import Compared, compare

RIGHT = r"""
2\frac34  =>  11/4
2 3/4  =>  11/4
2 \frac{3}{4}  =>  2.75
-2\frac{1}{2}  =>  -5/2
-1 1/2  =>  -1.5
½  =>  0.5
2½  =>  5/2
−5  =>  -5
1,234  =>  1234
1{,}234  =>  1234
1\,234\,567  =>  1234567
1 234 567  =>  1234567
12\!,345  =>  12345
$1,234.50  =>  1234.5
1.23e5  =>  123000
1.23\times10^5  =>  123000
1.23 \times 10^{5}  =>  123000
1.23*10^5  =>  123000
3 \cdot 10^{-4}  =>  0.0003
6.02E23  =>  6.02\times 10^{23}
0.\overline{3}  =>  1/3
0.1\overline{6}  =>  \frac16
.\overline{12}  =>  4/33
11_2  =>  11_{2}
1011_{\text{two}}  =>  1011_2
2A_{16}  =>  2A_{16}
11_2  =>  3
50\%  =>  50
33.5\%  =>  33.5
10 \%  =>  10 percent
x^2+2x+1  =>  (x+1)^2
(x+1)(x-1)  =>  x^2-1
x**2 - 1  =>  (x-1)*(x+1)
\frac{x^2-1}{x-1}  =>  x+1
\frac{1}{x}+\frac{1}{y}  =>  \frac{x+y}{xy}
\frac{x+2}{7}  =>  x/7+2/7
\frac{a}{b}\cdot\frac{c}{d}  =>  \frac{ac}{bd}
2\pi r  =>  2*pi*r
\pi r^2  =>  r^2π
\frac{4}{3}\pi r^3  =>  (4/3)πr³
4πr²  =>  4\pi r^2
\frac{\sqrt{2}}{2}  =>  \frac{1}{\sqrt{2}}
\sqrt{8}  =>  2\sqrt2
\sqrt{50}  =>  5*sqrt(2)
√2  =>  \sqrt{2}
2√3  =>  \sqrt{12}
√(3)  =>  3^{1/2}
\sqrt[3]{16}  =>  2\sqrt[3]{2}
\sqrt[3]{-8}  =>  -2
\sqrt{3+2\sqrt{2}}  =>  1+\sqrt{2}
\frac{1}{\sqrt{3}-\sqrt{2}}  =>  \sqrt{3}+\sqrt{2}
\frac{1}{1+\sqrt2}  =>  \sqrt2-1
\frac{10\sqrt{10.5}}{27}  =>  \frac{5\sqrt{42}}{27}
\sqrt{\frac{1}{n}}  =>  \frac{1}{\sqrt{n}}
\sqrt{x^2y}  =>  |x|\sqrt{y}
\sqrt{ab}  =>  \sqrt a\sqrt b
\sqrt[4]{x^2}  =>  \sqrt{|x|}
x^{3/2}  =>  x\sqrt{x}
(x^2)^3  =>  x^6
\sin^2 x+\cos^2 x  =>  1
\sin 2x  =>  2\sin x\cos x
\sin^2 x  =>  (\sin x)^2
sin(x)^2  =>  \sin^2(x)
\cos 2\theta  =>  1-2\sin^2\theta
\tan x  =>  \frac{\sin x}{\cos x}
\sin^{-1} x  =>  \arcsin x
\arctan(1)  =>  \frac{\pi}{4}
\sin 30^\circ  =>  \frac12
\sin(30°)  =>  0.5
\cos 60^{\circ}  =>  \frac{1}{2}
90^\circ  =>  \frac{\pi}{2}
90^\circ  =>  90
90°  =>  90 degrees
45 \text{ degrees}  =>  45^\circ
2 \sin b \cos a  =>  \sin(a+b)-\sin(a-b)
\ln 8  =>  3\ln 2
\ln(xy)  =>  \ln x+\ln y
\log_2 8  =>  3
\log_{10} 100  =>  2
\log 100  =>  2
\frac{\ln 3}{\ln 2}  =>  \log_2 3
\log_2(6)  =>  1+\log_2 3
e^{\ln 5}  =>  5
e^{x+1}  =>  e\cdot e^x
exp(2x)  =>  e^{2x}
e^{i\pi}  =>  -1
2^{n+1}  =>  2\cdot 2^n
4^n  =>  2^{2n}
6^n  =>  2^n 3^n
2^{n}-1  =>  -1+2^n
\frac{n(n+1)}{2}  =>  \frac{n^2+n}{2}
n!  =>  n(n-1)!
5!  =>  120
\binom{5}{2}  =>  10
\binom{n}{2}  =>  \frac{n(n-1)}{2}
{5 \choose 2}  =>  10
\binom{2026}{1013}  =>  \frac{2026!}{1013!^2}
C(5,2)  =>  C(5,2)
|x-1|  =>  |1-x|
\left|x\right|  =>  \sqrt{x^2}
\lfloor 3.7 \rfloor  =>  3
\lceil 3.2 \rceil  =>  4
1+2i  =>  2i+1
(1+i)^2  =>  2i
\frac{1}{i}  =>  -i
\frac{3+i\sqrt{3}}{2}  =>  \frac32+\frac{\sqrt3}{2}i
i^{2024}  =>  1
e^{2\pi i/3}  =>  -\frac12+\frac{\sqrt3}{2}i
\operatorname{cis} 0  =>  \operatorname{cis} 0
1 \pm \sqrt{19}  =>  1+\sqrt{19}, 1-\sqrt{19}
1 \pm \sqrt{19}  =>  1-\sqrt{19}\text{ and }1+\sqrt{19}
\pm 2021  =>  \{-2021,2021\}
\pm 2  =>  2, -2
x=\pm 2  =>  x=2 \text{ or } x=-2
\frac{-1\pm\sqrt5}{2}  =>  \frac{-1+\sqrt{5}}{2}, \frac{-1-\sqrt{5}}{2}
3i,-3i  =>  \pm 3i
\{1,2\}  =>  \{2,1\}
\{1,2,2\}  =>  \{1,2\}
\{1,2,3\}  =>  1,2,3
\{1,2,3\}  =>  {1, 2, 3}
1,2  =>  2,1
1, 2, \text{ and } 3  =>  1, 2, 3
1 and 2  =>  1, 2
1 or 2  =>  1,2
1;2  =>  1,2
\frac12, \frac13  =>  0.5, 1/3
19, 46, and 82  =>  19, 46, \text{ and } 82
(1,2)  =>  \left(1, 2\right)
(1,2)  =>  1,2
(3,\frac{\pi}{2})  =>  (3, pi/2)
(1,2),(3,4)  =>  (3,4),(1,2)
\{(1,2),(3,4)\}  =>  (1,2),(3,4)
(1,2) \text{ and } (3,4)  =>  (1,2), (3,4)
(11,7)or(7,11)  =>  (7,11),(11,7)
(x,y)=(1,2)  =>  (1,2)
x=1,y=2  =>  (1,2)
x=1, y=2  =>  x = 1 \text{ and } y = 2
x=1, y=2  =>  y=2, x=1
(p,q,r)=(3,2,7)  =>  (3,2,7)
[1,2,3]  =>  (1,2,3)
[3, 1]  =>  [3,1]
[0.5, 0.66667]  =>  [0.5,0.66667]
\langle 1,2,3\rangle  =>  (1,2,3)
\begin{pmatrix}1\\2\end{pmatrix}  =>  \begin{bmatrix}1\\2\end{bmatrix}
\begin{pmatrix}1\\2\end{pmatrix}  =>  (1,2)
\begin{pmatrix}1&2\\3&4\end{pmatrix}  =>  [[1,2],[3,4]]
\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}  =>  \begin{pmatrix} -\frac13\\ \frac23\end{pmatrix}
\begin{array}{cc}1&2\\3&4\end{array}  =>  \begin{pmatrix}1&2\\3&4\\\end{pmatrix}
\left[\begin{array}{cc}1&2\\3&4\end{array}\right]  =>  \begin{pmatrix}1&2\\3&4\\\end{pmatrix}
(\begin{pmatrix}1&2\\3&4\end{pmatrix})  =>  \begin{pmatrix}1&2\\3&4\\\end{pmatrix}
\begin{pmatrix}1 & 2\end{pmatrix}^T  =>  \begin{pmatrix}1\\2\end{pmatrix}
[0,1)  =>  \left[0,1\right)
(-\infty,2)\cup(3,\infty)  =>  (3,\infty)\cup(-\infty,2)
(-\infty,0)\cup(0,\infty)  =>  \mathbb{R}\setminus\{0\}
(-\infty,\infty)  =>  \mathbb{R}
\mathbb{R}  =>  all real numbers
(-oo, 3)  =>  (-\infty,3)
(-inf, 3]  =>  (-\infty,3]
[0,1]\cup[1,2]  =>  [0,2]
[0,2]\cap[1,3]  =>  [1,2]
\{-1\}\cup[0,7)  =>  [0,7)\cup\{-1\}
x>2  =>  (2,\infty)
x \in (2,\infty)  =>  x>2
x\in[-2,7]  =>  -2\le x\le 7
x\in[-2,7]  =>  [-2,7]
0<x<12.5  =>  (0,12.5)
0<f(x)<1  =>  (0,1)
x<-1 \text{ or } x>1  =>  (-\infty,-1)\cup(1,\infty)
x\neq 3  =>  (-\infty,3)\cup(3,\infty)
2>x  =>  x<2
x<1  =>  -x>-1
2x<6  =>  x<3
x\ge5  =>  5\le x
x >= 5  =>  x \geq 5
x ≤ 5  =>  x \le 5
|x|<2  =>  (-2,2)
|x|<2  =>  -2<x<2
s^2 \le 8r^2  =>  8r^2 \ge s^2
1\leq|z|\leq \frac{3}{2}  =>  z \in \left[-\frac{3}{2}, -1\right] \cup \left[1, \frac{3}{2}\right]
\{x | x > 2\}  =>  (2,\infty)
\{x : x > 2\}  =>  (2,\infty)
\{x \in \mathbb{R} : x > 2\}  =>  (2,\infty)
\{ x \mid 1 < x < 2 \}  =>  (1,2)
y=2x+3  =>  2x+3
y = 2x + 3  =>  y=3+2x
y=x+1  =>  x-y+1=0
2x+4y-3=0  =>  y=-\frac12x+\frac34
x^2/4+y^2/3=1  =>  3x^2+4y^2=12
5x - 7y + 11z + 4 = 0  =>  -5x+7y-11z-4=0
2x=4  =>  x=2
x=5  =>  5
5  =>  x = 5
k=-3  =>  -3
f(x)=x^2  =>  x^2
f(x) = 2x+1  =>  f(x)=1+2x
f^{-1}(x)=\frac{x-1}{2}  =>  \frac{x-1}{2}
P(x)=x^2+1  =>  x^2+1
\frac{NO}{BO}=\frac{1}{\sqrt{6}}  =>  \frac{1}{\sqrt{6}}
|AB|=1  =>  1
AB=4,CD=5  =>  4,5
m\angle A=30^\circ  =>  30
A:B=1  =>  1
\theta = \frac{\pi}{3}  =>  \pi/3
a_n = 2n+1  =>  2n+1
a_n=2^n  =>  a_n = 2^n
x_1 = 1, x_2 = 2  =>  1,2
n=2, 3, 4  =>  2,3,4
m+n=25  =>  n+m=25
2^2*3^2*5^2 = 900  =>  900
z=1+1=2  =>  z=3-1=2
3:4  =>  6:8
3:4  =>  3/4
1:2:3  =>  2:4:6
\frac{3}{4}  =>  3 : 4
\emptyset  =>  no solution
\varnothing  =>  \{\}
\text{no solution}  =>  \emptyset
∅  =>  \text{No solution}
\text{undefined}  =>  does not exist
\infty  =>  ∞
\infty  =>  infinity
-\infty  =>  negative infinity
\text{even}  =>  even
\text{Evelyn}  =>  Evelyn
x_1  =>  x_{1}
a_{n+1}  =>  a_{1+n}
F_n = \sum_{k=0}^{n-1} F_k F_{n-k-1}  =>  F_n = \sum_{k=0}^{n-1} F_{n-k-1} F_k
\sum_{k=1}^{10} k  =>  55
\sum_{i=1}^{4} i^2  =>  30
\prod_{k=1}^{5} k  =>  120
\sum_{k=1}^{n} k  =>  \frac{n(n+1)}{2}
\frac{\sqrt{3}}{3}\approx 0.577  =>  \frac{\sqrt3}{3}
1.41  =>  \sqrt2\approx 1.41
\frac{9.5}{3.14159}  =>  \frac{9.5}{3.14159} \approx 3.01
\sqrt{2}  =>  1.4142135623730951
1/3  =>  0.3333333333333333
\pi  =>  3.141592653589793
0.3  =>  0.30000000000000004
5 \text{ cm}  =>  5
5 \text{ cm}  =>  5\text{ cm}
4\sqrt{3}\text{ cm}^2  =>  4\sqrt3
x \equiv 3 \pmod 7  =>  3 \pmod 7
x \equiv 3 \pmod{7}  =>  x\equiv 10 \pmod 7
f'  =>  f'
\alpha+\beta  =>  \beta + \alpha
α  =>  \alpha
\phi  =>  \varphi
\frac{dy}{dx}  =>  \frac{dy}{dx}
\boxed{42}  =>  42
$42$  =>  42
\(42\)  =>  42
\[42\]  =>  42
42.  =>  42
185\  =>  185
\dfrac{1}{2}  =>  \tfrac12
\frac919  =>  \frac{9}{19}
\frac1{72}  =>  1/72
2\cdot 3  =>  6
2 \times 3  =>  6
2 \div 4  =>  \frac12
(2)(3)  =>  6
3(x+1)  =>  3x+3
x(x+1)  =>  x^2+x
a/b/c  =>  \frac{a}{bc}
-x^2  =>  -(x^2)
2^{-1}  =>  0.5
2^-1  =>  0.5
(-2)^3  =>  -8
-2^2  =>  -4
1/2x  =>  \frac{x}{2}
10^{200} - 7 \cdot 10^{100} + 12  =>  (10^{100}-3)(10^{100}-4)
\frac{3^{48}}{2^{48}}  =>  1.5^{48}
2024^{4046}  =>  2024^{4046}
\left(\frac12\right)^{10}  =>  \frac{1}{1024}
x^5 - x^4 + x^3 - x^2 + x - 1  =>  (x-1)(x^4+x^2+1)
\frac{a-1}{1-a}  =>  -1
-\frac{2(x^2+6)}{9(x^2-2)\sqrt[3]{x^2-2}^2}  =>  -\frac{8x^2}{9(x^2-2)^{5/3}}+\frac{2}{3(x^2-2)^{2/3}}
\sqrt{x^2 - 1}  =>  \sqrt{(x-1)(x+1)}
\frac{\sqrt[3]{4}}{2}  =>  2^{-1/3}
\cos\frac{\pi}{7}\cos\frac{2\pi}{7}\cos\frac{3\pi}{7}  =>  \frac18
\sin 18^\circ  =>  \frac{\sqrt5-1}{4}
\arctan 2+\arctan 3  =>  \frac{3\pi}{4}
\cosh x  =>  \frac{e^x+e^{-x}}{2}
\sec^2\theta  =>  1+\tan^2\theta
\max(1,2)  =>  2
\gcd(12,18)  =>  \gcd(12,18)
0,1  =>  0, 1
2,3,\frac{3+i\sqrt{3}}{2},\frac{3-i\sqrt{3}}{2}  =>  \frac{3\pm i\sqrt3}{2}, 3, 2
x=2, x=-1  =>  -1, 2
x = 2 or x = -1  =>  \{-1,2\}
x=3 \text{ or } 5  =>  3, 5
p=5,q=2;p=7,q=2  =>  p = 5, q = 2 \text{ and } p = 7, q = 2
y_{1}=-2 x^{2}+4 x+3, y_{2}=3 x^{2}+12 x+10  =>  y_1 = -2(x - 1)^2 + 5,  y_2 = 3(x + 2)^2 - 2
x_{1}=\frac{1}{2}+\frac{31\sqrt{5}}{216},\quadx_{2}=\frac{1}{2}-\frac{31\sqrt{5}}{216}  =>  \dfrac{108 + 31\sqrt{5}}{216} \quad \text{and} \quad \dfrac{108 - 31\sqrt{5}}{216}
k = 45, n = 2  =>  k = 45 \quad \text{and} \quad n = 2
21,16$ or $11  =>  21,16,11
f(y) = y  =>  f(y)=y
D = (0, 1)  =>  (0,1)
1 = \zzz = x = 0  =>  0
(1,-2,3)  =>  (1, -2, 3)
\vec{v}  =>  \vec v
\frac{\pi r}{h+r}  =>  \frac{\pi r}{r+h}
\mathbf{i}+2\mathbf{j}  =>  \mathbf i+2\mathbf j
\frac{n!}{(n-1)!}  =>  n
6x^2y  =>  6yx^2
\frac{1}{2}bh  =>  bh/2
3\%  =>  3
(2k+1)^2  =>  4k^2+4k+1
x\sqrt{x}  =>  \sqrt{x^3}
2^{1/2}  =>  \sqrt2
8^{2/3}  =>  4
\frac{6}{8}  =>  0.75
\sqrt{0.25}  =>  0.5
1e3  =>  1000
\$5.00  =>  5
(0,\infty)  =>  x > 0
x\ge 0  =>  [0,\infty)
x \in \mathbb{R}  =>  \mathbb{R}
x \in \mathbb{R}, x \ne 2  =>  x \ne 2, x\in \mathbb{R}
\left\{\frac12,3\right\}  =>  \{3,0.5\}
(a+b)^2  =>  a^2+2ab+b^2
\frac{x}{2}-\frac{y}{3}  =>  \frac{3x-2y}{6}
\text{(1,2)}  =>  (1,2)
\text{13}  =>  13
\mathrm{e}  =>  e
1 - \frac{1}{\mathrm{e}}  =>  1-e^{-1}
\ln|x|+C  =>  C+\ln|x|
\tan^{-1}(x)  =>  \arctan x
arcsin(1/2)  =>  \pi/6
\sqrt{2}+\sqrt{3}  =>  \sqrt{5+2\sqrt6}
(-1)^n  =>  \cos(n\pi)
k\pi, k\in\mathbb{Z}  =>  n\pi, n \in \mathbb{Z}
k\pi, k\in\mathbb{Z}  =>  k\pi
x = \frac{\pi}{4}+k\pi, k \in \mathbb{Z}  =>  \frac{\pi}{4}+n\pi, n\in \mathbb{Z}
f(x)=cx, c\in\mathbb{R}  =>  f(x)=cx, c \in \mathbb{R}
x<-1, x>1  =>  (-\infty,-1)\cup(1,\infty)
x>1, x<3  =>  (1,3)
-1 \le x < 2, x \ne 0  =>  [-1,0)\cup(0,2)
x \ne 0, 1  =>  \mathbb{R}\setminus\{0,1\}
x \neq 0, 1  =>  (-\infty,0)\cup(0,1)\cup(1,\infty)
\{(1,2)\}  =>  (1,2)
12th  =>  12
12^{\text{th}}  =>  12
\begin{cases} x=1 \\ y=2 \end{cases}  =>  x=1,y=2
\begin{aligned} x&=1 \\ y&=2 \end{aligned}  =>  (1,2)
y = \pm x  =>  y=x, y=-x
x \in \{1,2\}  =>  1,2
x^2+y^2=25  =>  x^2+y^2-25=0
033  =>  33
10!  =>  3628800
\frac{\sqrt{6}-\sqrt{2}}{4}  =>  \sin 15^\circ
y=\frac{x}{2}  =>  x=2y
\frac{x-1}{2}=y  =>  y=\frac12 x-\frac12
3\sqrt{2}\text{ units}  =>  \sqrt{18}
\log(8, 2)  =>  3
\sqrt{-4}  =>  2i
e^{x}e^{y}  =>  e^{x+y}
\frac{2^{n}}{2^{m}}  =>  2^{n-m}
\left(\frac{1}{2}\right)^n  =>  2^{-n}
\frac{3^{n+1}-1}{2}  =>  \frac{3\cdot 3^n-1}{2}
\sqrt{n+1}-\sqrt{n}  =>  \frac{1}{\sqrt{n+1}+\sqrt n}
\cos^2 x  =>  \frac{1+\cos 2x}{2}
\sin\left(x+\frac{\pi}{2}\right)  =>  \cos x
\ln\frac{a}{b}  =>  \ln a-\ln b
\ln x^2  =>  2\ln x
a^{\log_a b}  =>  b
\frac{(2n)!}{n!n!}  =>  \binom{2n}{n}
\frac{n!}{k!(n-k)!}  =>  \binom nk
\binom{n}{k}  =>  \binom{n}{n-k}
\left(\frac{n(n+1)}{2}\right)^2  =>  \frac{n^2(n+1)^2}{4}
|a-b|  =>  |b-a|
\lfloor x \rfloor  =>  \lfloor x \rfloor
\lfloor \frac{n}{2} \rfloor  =>  \left\lfloor n/2 \right\rfloor
2\cdot10^{5}  =>  200000
5\times10^{-1}  =>  0.5
-\frac{1}{2}  =>  \frac{-1}{2}
-\frac{1}{2}  =>  \frac{1}{-2}
(2,\infty)  =>  x > 2 \text{ and } x > 1
(2, 3) \cup (3, 4)  =>  2<x<4, x\ne3
\left(-\infty,-1\right]\cup\left[1,\infty\right)  =>  |x|\ge 1
3x + 2  =>  2 + 3x
ab+bc+ca  =>  ca+ab+bc
\frac{ab}{a+b}  =>  \frac{1}{\frac1a+\frac1b}
\text{(A)}  =>  A
\{a,b\}  =>  \{b,a\}
2\pi - 6  =>  -6 + 2π
36\sqrt{3}-18\pi  =>  18(2\sqrt3-\pi)
\frac{\pi^2}{6}  =>  π^2/6
\frac{1}{2}\left(e-\frac1e\right)  =>  \frac{e^2-1}{2e}
\sinh 1  =>  \frac{e-e^{-1}}{2}
\phi=\frac{1+\sqrt5}{2}  =>  \frac{1+\sqrt5}{2}
x=\frac{-b\pm\sqrt{b^2-4ac}}{2a}  =>  \frac{-b+\sqrt{b^2-4ac}}{2a},\frac{-b-\sqrt{b^2-4ac}}{2a}
\sqrt[3]{2}+\sqrt[3]{4}  =>  2^{1/3}+2^{2/3}
\frac{1}{\sqrt[3]{2}}  =>  \frac{\sqrt[3]{4}}{2}
\sqrt[3]{2+\sqrt5}+\sqrt[3]{2-\sqrt5}  =>  1
\tan 75^\circ  =>  2+\sqrt3
8i  =>  8 i
-8 - 6i  =>  -(8+6i)
5e^{i\arctan(4/3)}  =>  3+4i
\begin{pmatrix} \cos\theta & -\sin\theta\\ \sin\theta&\cos\theta\end{pmatrix}  =>  \begin{bmatrix} \cos \theta & -\sin \theta\\ \sin \theta&\cos \theta\end{bmatrix}
\begin{bmatrix}0.5\\1\end{bmatrix}  =>  \begin{pmatrix}1/2\\1\end{pmatrix}
\frac{1}{2}\begin{pmatrix}2\\4\end{pmatrix}  =>  \begin{pmatrix}1\\2\end{pmatrix}
0.1\%  =>  0.1
x\leq -3 \text{ or } x \geq 3  =>  (-\infty,-3]\cup[3,\infty)
t \ge 0  =>  [0,\infty)
5:3  =>  5/3
1 : \sqrt{3} : 2  =>  \sqrt3 : 3 : 2\sqrt3
\frac{x^{2}}{9}+\frac{y^{2}}{4}=1  =>  4x^2+9y^2=36
(x-1)^2+(y+2)^2=9  =>  x^2+y^2-2x+4y-4=0
y-1=2(x-3)  =>  y=2x-5
\left(x-2\right)\left(x+3\right)=0  =>  x^2+x-6=0
2\mathbf{i}+3\mathbf{j}  =>  3\mathbf{j}+2\mathbf{i}
n=2^k-1  =>  2^k-1
-\cot x + C  =>  C-\cot x
\mathrm{lcm}(4,6)  =>  \operatorname{lcm}(4,6)
"""  # noqa: E501
WRONG = r"""
2\frac34  =>  23/4
2 3/4  =>  3/4
10  =>  4 10/3
1/2004!  =>  1/2006!
\frac{1}{2^{99}}  =>  \frac1{2^{98}}
1-1/e  =>  1+1/e
4  =>  4\sqrt(2)
3x+4y+14=0  =>  3x-y+13=0
11_2  =>  11
4343_6  =>  4343
0.5  =>  50
(0,1)  =>  [0,1]
(0,1)  =>  (1,0)
[0,9)  =>  (0,9)
(1,3)  =>  \{1,3\}
(3,1)  =>  {1,3}
\pm 2021  =>  2021
12:00  =>  1:00
1/3  =>  0.333
\pi  =>  3.14
\sqrt2  =>  1.414
22/7  =>  \pi
\begin{pmatrix}1&2\\3&4\end{pmatrix}  =>  \begin{pmatrix}1&3\\2&4\end{pmatrix}
\begin{pmatrix}1\\2\end{pmatrix}  =>  \begin{pmatrix}1&2\end{pmatrix}
x  =>  y
x+1  =>  y+1
x  =>  X
x^2  =>  x
a+b  =>  ab
y=2x+3  =>  y=\frac12x+\frac32
y=2x  =>  x=2y
x=2  =>  y=2
f(x)=x  =>  g(x)=x
x>2  =>  x\ge2
x>2  =>  x<2
x>2  =>  y>2
(-\infty,2)\cup(3,\infty)  =>  (-\infty,2]\cup[3,\infty)
(5,\infty)  =>  (-\infty,5)\cup(5,\infty)
x\neq 3  =>  x=3
0  =>  a^2+b=0
a+3z=0  =>  0
7 = 11a+c  =>  11a+c
1,-2  =>  1
1  =>  1, -1
-1  =>  1 or -1
5  =>  5 or 6
1,2,3  =>  1,2
\{1,2,3\}  =>  \{1,2\}
(1,2,3)  =>  (1,3,2)
(1,2),(3,4)  =>  (1,2),(4,3)
(1,2),(3,4)  =>  (1,2)
\emptyset  =>  0
\emptyset  =>  \{0\}
\infty  =>  -\infty
\infty  =>  10^{100}
0  =>  -\infty
3:4  =>  4:3
1:2:3  =>  1:2:4
2^{n+1}  =>  2^n+1
\sin x  =>  \cos x
\sin 30  =>  \frac12
\sin 2x  =>  2\sin x
\ln 8  =>  2\ln 3
\sqrt{x^2}  =>  x
|x|  =>  x
(a+b)^2  =>  a^2+b^2
\sqrt{a+b}  =>  \sqrt a+\sqrt b
\frac{1}{a+b}  =>  \frac1a+\frac1b
x^2+2x-1  =>  (x+1)^2
2  =>  \frac{1+\sqrt5}{2}
4  =>  \frac{34}{16}+\frac{\sqrt{1358}}{16}
100!  =>  99!
10^{10^{10}}  =>  10^{10^{9}}
2^{1000}  =>  2^{1001}
12345678902  =>  12345678901
1+2i  =>  1-2i
i  =>  1
i  =>  -i
9^{9^9}  =>  1
1  =>  5^{5^{5^{5^5}}}
1  =>  -[0,1)
12  =>  1,23
12  =>  [1,2]
12  =>  (1, 2)
2  =>  (0, 1)
x^5 + x^4  =>  x^5 - x^4
F_n = \sum_{k=0}^{n-1} F_k F_{n-k-1}  =>  F_n = \sum_{k=0}^{n-2} F_k F_{n-k-2}
\sum_{k=1}^{10} k  =>  54
\frac{x}{x+1}  =>  \frac{x+1}{x}
\log_2 3  =>  \log_3 2
e^{\pi\sqrt{163}}  =>  262537412640768744
0.1  =>  0.11
3.0  =>  3.1
30^\circ  =>  \frac{\pi}{3}
f(x)  =>  f(y)
-\frac{\pi}{6}  =>  \frac{\pi}{6}
(3,\frac{\pi}{2})  =>  (3,\frac{2\pi}{3})
n=2, 3, 4  =>  n=1, 2, 3
x=1,y=2  =>  x=2,y=1
x=1,y=2  =>  (2,1)
\binom{5}{2}  =>  \frac52
5!  =>  5
x \equiv 3 \pmod 7  =>  x \equiv 3 \pmod 5
10^{20}  =>  10^{20}+1
\sqrt{10^{40}+1}  =>  10^{20}
46  =>  AB = 24
4  =>  1 / \cos^2(x)
-1  =>  (m - 2)^2 / 4
7  =>  -r2^2 + 6 * sqrt(2) * r2 - 3
x_1  =>  x_2
a_n=2n+1  =>  2n-1
\alpha  =>  \beta
\text{even}  =>  odd
\text{Evelyn}  =>  Angela
k\pi, k\in\mathbb{Z}  =>  2k\pi, k \in \mathbb{Z}
x<-1 \text{ and } x>1  =>  (-\infty,-1)\cup(1,\infty)
x \ne 0  =>  \mathbb{R}\setminus\{0,1\}
x \ne 0  =>  \mathbb{R}
(-1)^n  =>  1
(-1)^n  =>  (-1)^{n+1}
\binom{n}{k}  =>  \binom{n}{k+1}
\ln x^2  =>  \ln x
(x-1)^2+(y+2)^2=9  =>  (x+1)^2+(y+2)^2=9
\lfloor x \rfloor  =>  x
\lfloor \frac{n}{2} \rfloor  =>  \frac{n}{2}
\begin{pmatrix}1&0\\0&1\end{pmatrix}  =>  1
\{(1,2)\}  =>  (2,1)
2x+3  =>  2x-3
0.1\%  =>  1
1 : \sqrt{3} : 2  =>  1 : 2 : \sqrt3
\frac{x}{y}  =>  \frac{y}{x}
x^y  =>  y^x
2^{n}  =>  n^2
a_1  =>  a_2
a_n  =>  a_{n+1}
\sqrt{2}  =>  \sqrt[3]{2}
\pi  =>  \pi^2
\pi  =>  e
\sin x  =>  \sin y
1,2,3  =>  1,2,4
1,2,3  =>  1,2,3,4
\{1,\{2,3\}\}  =>  \{1,2,3\}
(1,2)  =>  (1,2,3)
x=1  =>  x=1, x=2
x=1,y=2  =>  x=1
5  =>  5.0001
5  =>  5 \pm 1
\frac{1}{2}  =>  \frac{1}{2}x
x+y=5  =>  x+y=6
x\ge 3  =>  x\ge -3
|x|<2  =>  x<2
[0,1]  =>  [0,1]\cup\{2\}
[0,1]\cup[2,3]  =>  [0,3]
10^{100}  =>  10^{100}+1
\sqrt{2}+\sqrt{3}  =>  \sqrt{5}
3.14159  =>  \pi
\cos 1  =>  \cos 1^\circ
"""
BARE_GOLD_ONLY = [("25", "m+n = 25"), ("14", "a + b + c = 14")]


def pairs(table: str) -> list[tuple[str, str]]:
    return [(gold, answer) for line in table.strip().splitlines() for gold, answer in [line.split("  =>  ")]]


def here(gold: str, answer: str) -> Compared:
    def never(*arguments: object) -> object:
        raise AssertionError(f"sent to the pool: {arguments}")

    return compare(gold, answer, call=never)


@pytest.mark.parametrize(("gold", "answer"), pairs(RIGHT))
def test_same_answers_are_right_both_ways(gold: str, answer: str) -> None:
    assert here(gold, answer).outcome == "right"
    assert here(answer, gold).outcome == "right"


@pytest.mark.parametrize(("gold", "answer"), pairs(WRONG))
def test_different_answers_are_wrong_both_ways(gold: str, answer: str) -> None:
    assert here(gold, answer).outcome == "wrong"
    assert here(answer, gold).outcome == "wrong"


@pytest.mark.parametrize("text", ["５", "٣", "-\u200b5", "\u202e7", "5\u00a0", "½", "x²", "π", "−5", "2·3", "√2", "≤"])
def test_unicode_digits_and_invisible_characters_are_read(text: str) -> None:
    plain = {
        "５": "5", "٣": "3", "-\u200b5": "-5", "\u202e7": "7", "5\u00a0": "5", "½": "1/2", "x²": "x^2", "π": "pi",
        "−5": "-5", "2·3": "6", "√2": "sqrt(2)",
    }  # fmt: skip
    found = here(plain.get(text, "x"), text)
    assert found.outcome == ("right" if text in plain else "unknown")


@pytest.mark.parametrize(("gold", "answer"), BARE_GOLD_ONLY)
def test_a_sum_of_plain_variables_states_a_bare_value_but_is_not_one(gold: str, answer: str) -> None:
    assert here(gold, answer).outcome == "right"
    assert here(answer, gold).outcome == "wrong"


def test_the_verdict_says_how_it_was_reached() -> None:
    exact, numeric = here("1/2", "0.5"), here(r"\sin 2x", r"2\sin x\cos x")
    assert (exact.method, numeric.method) == ("exact", "numeric")
    assert (exact.gold_form, exact.answer_form) == ("(1/2)", "0.5")
    assert here("1+" * 400 + "1", "x").gold_form.endswith("...")


@pytest.mark.parametrize(
    ("gold", "answer", "cause"),
    [
        ("((", "1", "unparsable gold"), ("1", "((", "unparsable prediction"), ("", "1", "unparsable gold"),
        ("1", "", "unparsable prediction"), ("1", "the answer is one", "unparsable prediction"),
        ("1", r"\begin{pmatrix}1&2\\3\end{pmatrix}", "unparsable prediction"), ("1", "1, 2, \\dots", "unsupported"),
        (r"\text{even}", "2", "unparsable gold"), ("1/0", "5", "unsupported"), ("9:00", "27:00", "unsupported"),
        ("1234", "(1,234)", "ambiguous"), ("10:15", "2:3", "ambiguous"),
        ("5 \\text{ cm}", "5 \\text{ m}", "unsupported"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_unknown_with_its_cause(gold: str, answer: str, cause: str) -> None:
    found = here(gold, answer)
    if (gold, answer) == ("9:00", "27:00"):
        assert found.outcome == "wrong"
    else:
        assert (found.outcome, found.cause) == ("unknown", cause)
        assert found.reason


@pytest.mark.parametrize("text", ["1/0", "???", "no idea at all", "a ** ** b"])
def test_equal_spelling_is_right_whatever_it_means(text: str) -> None:
    assert here(text, text).outcome == "right"


@pytest.mark.parametrize(
    ("kind", "gold", "answer", "outcome"),
    [
        ("list", "[3, 1]", "(3, 1)", "right"), ("expression", "[3, 1]", "(3, 1)", "wrong"),
        ("interval", "[3, 7]", "(3, 7)", "wrong"), ("set", "(1,2)", r"\{2,1\}", "right"),
        ("tuple", "1,2", "2,1", "wrong"), ("expression", "1,2", "2,1", "right"),
    ],
)  # fmt: skip
def test_the_kind_settles_what_brackets_mean(kind: str, gold: str, answer: str, outcome: str) -> None:
    assert compare(gold, answer, kind=kind).outcome == outcome
