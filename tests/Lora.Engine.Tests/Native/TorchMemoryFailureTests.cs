using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tests.Native;

public class TorchMemoryFailureTests
{
    [Theory]
    [InlineData("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB of which 1.10 GiB is free.\nException raised from malloc", "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB of which 1.10 GiB is free.")]
    [InlineData("Allocation on device 0 would exceed allowed memory. (out of memory)\nCurrently allocated     : 15.16 GiB", "would exceed allowed memory")]
    [InlineData("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported", "CUDA error: out of memory")]
    [InlineData("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "CUBLAS_STATUS_ALLOC_FAILED")]
    [InlineData("[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.", "not enough memory")]
    public void A_lack_of_memory_has_a_name_says_how_much_and_what_to_do(string text, string part)
    {
        TorchFailure thrown = new(text);
        LoraException named = Assert.Throws<LoraException>(() => TorchMemoryFailure.Named<int>(() => throw thrown));

        Assert.Equal(LoraError.OutOfMemory, named.Error);
        Assert.Same(thrown, named.InnerException);
        Assert.Contains(part, named.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", named.Message, StringComparison.Ordinal);
        Assert.Contains("-BatchSize", named.Problem.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void What_torch_says_itself_when_memory_lacks_is_known()
    {
        LoraException named = Assert.Throws<LoraException>(() => TorchMemoryFailure.Named(() => empty([1L << 50], dtype: ScalarType.Float32, device: CPU)));

        Assert.Equal(LoraError.OutOfMemory, named.Error);
        Assert.Contains("4503599627370496 bytes", named.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_operator_that_does_not_say_why_it_failed_lacks_memory_where_a_GPU_is_full(bool isFull)
    {
        OperatorFailedException thrown = new("libtorch's aten::_flash_attention_backward failed with code 1; it wrote the reason to standard error.");

        Exception found = Assert.ThrowsAny<Exception>(() => TorchMemoryFailure.Named<int>(() => throw thrown, () => isFull));

        Assert.Equal(isFull ? LoraError.OutOfMemory : null, (found as LoraException)?.Error);
        Assert.Same(thrown, isFull ? found.InnerException : found);
    }

    [Fact]
    public void Other_failures_and_results_pass_as_they_are()
    {
        TorchFailure thrown = new("mat1 and mat2 shapes cannot be multiplied");
        Assert.Same(thrown, Assert.Throws<TorchFailure>(() => TorchMemoryFailure.Named<int>(() => throw thrown)));
        Assert.Equal(3, TorchMemoryFailure.Named(() => 3));
    }
}
