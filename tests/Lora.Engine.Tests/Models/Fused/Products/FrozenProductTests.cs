using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>What products need in passing; their numbers are those of whole steps.</summary>
public class FrozenProductTests
{
    [Fact]
    public void A_card_s_products_need_cuBLAS_s_memory_and_a_processor_s_some_for_each_thread()
    {
        Assert.Equal(CublasWorkspace.Bytes(generation: null, Environment.GetEnvironmentVariable), FrozenProduct.Workspace(META)); // what any card may need
        Assert.InRange(FrozenProduct.Workspace(CPU), get_num_threads() * (8L << 20), (get_num_threads() + 2) * (8L << 20));
    }

    [Fact]
    public void A_step_s_highest_point_has_it_in_it()
    {
        ModelShape shape = (ModelShape)ModelConfigReader.Read(Repository.Fixture("families", "llama3"));
        long[] peaks = [.. new[] { 0L, 1000 }.Select(products => new StepMemory([], [], shape, 4, new Lora.Kernels.TorchKernels(), products).Peak(new([10], 5), default))];

        Assert.Equal(1000, peaks[1] - peaks[0]);
    }
}
