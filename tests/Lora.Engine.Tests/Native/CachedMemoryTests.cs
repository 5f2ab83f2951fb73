using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tests.Native;

/// <summary>That torch gives its cache back stands in its sources; here is what is asked of it, and that a refusal is what was meant and nothing else is.</summary>
public class CachedMemoryTests
{
    [Fact]
    public void More_than_any_device_has_is_refused_and_the_refusal_goes_no_further() => CachedMemory.GiveBack(CPU);

    [Fact]
    public void A_failure_of_another_kind_goes_on()
    {
        Assert.Throws<InvalidOperationException>(() => CachedMemory.GiveBack(() => throw new InvalidOperationException("something else")));
        CachedMemory.GiveBack(() => throw new TorchFailure("CUDA out of memory. Tried to allocate 1048576.00 GiB. GPU 0 has a total capacity of 8.00 GiB"));
    }
}
