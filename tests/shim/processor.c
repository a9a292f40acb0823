/* Hides extensions of an x86-64 processor from a program (LD_PRELOAD), so that it runs as on an older one: the system
 * refuses the instruction CPUID, and this answers it.
 *
 *   DFT_PROCESSOR      `sse2` hides all that is newer than SSE2; `avx` hides AVX2, BMI1, BMI2 and AVX-512
 *   DFT_PROCESSOR_LOG  a byte for each answer with something hidden is appended to this file
 *
 * The process ends with code 77 if the system cannot refuse the instruction. What asked before this was loaded, such as
 * the C library, knows the whole processor.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { SET_CPUID = 0x1012 /* of arch_prctl(2) */, CANNOT = 77 };

#define BIT(number) (1u << (number))

/* Leaf 1, ECX: SSE3, PCLMULQDQ, SSSE3, FMA, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE, OSXSAVE, AVX, F16C. */
static const uint32_t NEWER_THAN_SSE2 = BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(19) | BIT(20) | BIT(22) | BIT(23) |
                                        BIT(25) | BIT(26) | BIT(27) | BIT(28) | BIT(29);

/* Leaf 0x80000001, ECX: LZCNT, SSE4a, XOP, FMA4, TBM. */
static const uint32_t NEWER_OF_AMD = BIT(5) | BIT(6) | BIT(11) | BIT(16) | BIT(21);

/* Leaf 7, EBX: BMI1, AVX2, BMI2, and AVX-512 F, DQ, IFMA, PF, ER, CD, BW, VL. */
static const uint32_t AVX2_AND_NEWER = BIT(3) | BIT(5) | BIT(8) | BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) |
                                       BIT(28) | BIT(30) | BIT(31);

static int hides_all;
static int log_file = -1;

struct answer {
    uint32_t eax, ebx, ecx, edx;
};

/* Removes what is hidden from an answer. */
static struct answer hidden(struct answer answer, uint32_t leaf) {
    if (leaf == 7) {
        /* ECX and EDX name nothing that is older than AVX2. */
        answer.ebx = hides_all ? 0 : answer.ebx & ~AVX2_AND_NEWER;
        answer.eax = answer.ecx = answer.edx = 0;
    } else if (leaf == 1 && hides_all) {
        answer.ecx &= ~NEWER_THAN_SSE2;
    } else if (leaf == 0x80000001 && hides_all) {
        answer.ecx &= ~NEWER_OF_AMD;
    }
    return answer;
}

static void answer_cpuid(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *at = (const unsigned char *)registers[REG_RIP];
    if (info->si_code != SI_KERNEL || at[0] != 0x0f || at[1] != 0xa2) {
        /* Another fault, which happens again without this handler. */
        signal(number, SIG_DFL);
        return;
    }
    uint32_t leaf = (uint32_t)registers[REG_RAX];
    struct answer true_answer;
    syscall(SYS_arch_prctl, SET_CPUID, 1);
    __cpuid_count(leaf, (uint32_t)registers[REG_RCX], true_answer.eax, true_answer.ebx, true_answer.ecx, true_answer.edx);
    syscall(SYS_arch_prctl, SET_CPUID, 0);
    struct answer answer = hidden(true_answer, leaf);
    if (log_file >= 0 && memcmp(&answer, &true_answer, sizeof answer)) {
        (void)!write(log_file, "h", 1);
    }
    registers[REG_RAX] = answer.eax;
    registers[REG_RBX] = answer.ebx;
    registers[REG_RCX] = answer.ecx;
    registers[REG_RDX] = answer.edx;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
    const char *level = getenv("DFT_PROCESSOR"), *path = getenv("DFT_PROCESSOR_LOG");
    if (!level) {
        return;
    }
    hides_all = !strcmp(level, "sse2");
    if (!hides_all && strcmp(level, "avx")) {
        abort(); /* a level that hides nothing */
    }
    if (path) {
        log_file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = answer_cpuid;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGSEGV, &action, NULL) || syscall(SYS_arch_prctl, SET_CPUID, 0)) {
        _exit(CANNOT);
    }
}
