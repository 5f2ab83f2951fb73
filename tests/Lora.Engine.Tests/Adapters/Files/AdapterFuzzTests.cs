using CsCheck;
using Lora.Adapters;
using Lora.Tests.Checkpoints;

namespace Lora.Tests.Adapters;

/// <summary>Whatever is in an adapter's files: the adapter is read, or an error with a name says why not.</summary>
public sealed class AdapterFuzzTests : IDisposable
{
    // 100,000 of each by hand: LORA_FUZZ_INPUTS=100000.
    private static readonly int Inputs = int.TryParse(Environment.GetEnvironmentVariable("LORA_FUZZ_INPUTS"), out int asked) ? asked : 2000;

    private readonly TemporaryFolder folder = new();

    public AdapterFuzzTests()
    {
        foreach (string file in new[] { AdapterConfigJson.FileName, AdapterFolder.WeightsName })
        {
            File.Copy(Path.Combine(Repository.Fixture("families", "llama3", "adapter"), file), folder.File(file));
        }
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(AdapterConfigJson.FileName)]
    [InlineData(AdapterFolder.WeightsName)]
    public void A_damaged_file_gives_nothing_but_named_errors(string file)
    {
        byte[] whole = File.ReadAllBytes(folder.File(file));
        int read = 0;
        int refused = 0;
        Mutation.Several.Sample(
            mutations =>
            {
                folder.Write(file, mutations.Aggregate(whole, (bytes, mutation) => mutation.Apply(bytes)));
                try
                {
                    AdapterFolder.Load(folder.Path);
                    AdapterInspector.Read(folder.Path, withNorms: true);
                    read++;
                }
                catch (LoraException)
                {
                    refused++;
                }
            },
            iter: Inputs,
            threads: 1);

        Assert.Equal(Inputs, read + refused);
        Assert.True(refused > 0);
    }
}
