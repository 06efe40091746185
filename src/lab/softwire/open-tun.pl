# open-tun.pl DEVICE PROGRAM ARGUMENT...: makes a TUN device and becomes PROGRAM, which is told its file descriptor as the last argument.
# It takes an ioctl, which Node has not; perl-base is on every Debian.
use strict;
use warnings;
use Fcntl;

my ($device, @program) = @ARGV;
$^F = 9;    # descriptors up to this one survive exec
sysopen(my $tun, '/dev/net/tun', O_RDWR) or die "/dev/net/tun: $!\n";
# linux/if_tun.h: TUNSETIFF with IFF_TUN | IFF_NO_PI
ioctl($tun, 0x400454ca, pack('Z16 S x22', $device, 0x1001)) or die "TUNSETIFF $device: $!\n";
exec(@program, fileno($tun)) or die "$program[0]: $!\n";
