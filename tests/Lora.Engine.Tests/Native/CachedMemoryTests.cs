using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tests.Native;

/// <summary>That torch gives its cache back stands in its sources; here is what is asked of it, and that a refusal goes no further.</summary>
public class CachedMemoryTests
{
    [Fact]
    public void More_than_any_device_has_is_refused_and_the_refusal_goes_no_further() => CachedMemory.GiveBack(CPU);

    [Theory]
    [InlineData("CUDA out of memory. Tried to allocate 1048576.00 GiB. GPU 0 has a total capacity of 8.00 GiB")]
    [InlineData("Allocation on device 0 would exceed allowed memory. (out of memory)\nCurrently allocated     : 1.00 GiB")] // by backend:cudaMallocAsync
    [InlineData("Whatever words the next allocator has")]
    public void No_failure_of_torch_breaks_a_run_that_only_wanted_memory_back(string text) => CachedMemory.GiveBack(() => throw new TorchFailure(text));

    [Fact]
    public void A_failure_that_is_not_torch_s_goes_on() =>
        Assert.Throws<InvalidOperationException>(() => CachedMemory.GiveBack(() => throw new InvalidOperationException("something else")));
}
