using System.Text.Json;
using Lora.Adapters;
using Lora.Selection;

namespace Lora.Tests.Adapters;

/// <summary>Adapters of diffusion models through everything that is done with adapters, and their names against tables of other programs.</summary>
public class DiffusionAdaptersTests
{
    // Values are rounded to float32 once.
    private const double Tolerance = 1e-9;

    [Theory]
    [InlineData("flux_kohya_to_diffusers")]
    [InlineData("sdxl_kohya_to_diffusers")]
    [InlineData("sd15_kohya_to_diffusers")]
    [InlineData("wan_musubi_to_diffusers")]
    [InlineData("wan_comfy_to_diffusers")]
    public void A_copy_that_is_cut_resized_or_merged_loads_in_PEFT_s_form_and_in_Kohya_s(string run)
    {
        using TemporaryFolder folder = new();
        LoraAdapter adapter = AdapterFile.Load(Golden(run, "input.safetensors"));
        string[] names = [.. AdapterInspector.Describe(adapter).Module.Select(module => module.Name)];
        LoraAdapter cut = AdapterEditor.Edit(adapter, new() { Exclude = ["/" + names[0]] }).Adapter!;
        LoraAdapter resized = AdapterEditor.Edit(adapter, new() { Rank = 1 }).Adapter!;
        LoraAdapter merged = AdapterCombination.Combine([adapter, resized], new());

        foreach ((string name, LoraAdapter copy, string[] kept) in new[] { ("cut", cut, names[1..]), ("resized", resized, names), ("merged", merged, names) })
        {
            AdapterFolder.Save(copy, folder.File(name));
            KohyaForm.Save(copy, folder.File(name + ".safetensors"));
            LoraAdapter peft = AdapterFolder.Load(folder.File(name));

            Assert.Equal(kept.Order(StringComparer.Ordinal), FactorPair.Of(peft).Keys.Order(StringComparer.Ordinal));
            TargetSelector selector = new(peft.Config);
            Assert.Equal(kept, names.Where(module => selector.Decide(module).Targeted));
            Assert.Equal(1, AdapterComparer.Compare(copy, peft).Cosine!.Value, Tolerance);
            Assert.Equal(1, AdapterComparer.Compare(copy, AdapterFile.Load(folder.File(name + ".safetensors"))).Cosine!.Value, Tolerance);
        }
    }

    [Fact]
    public void The_older_names_of_diffusers_are_those_of_the_same_modules()
    {
        LoraAdapterComparison comparison = AdapterComparer.Compare(
            AdapterFile.Load(Golden("sdxl_peft_to_diffusers_old", "input.safetensors")), AdapterFile.Load(Golden("sdxl_peft_to_diffusers_old", "output.safetensors")));

        Assert.Equal(0, comparison.DifferenceCount);
        Assert.All(comparison.Module, module => Assert.Equal(1, module.Cosine!.Value, Tolerance));
    }

    [Fact]
    public void The_names_of_SDXL_s_U_Net_are_those_of_ComfyUI_s_table()
    {
        using JsonDocument table = JsonDocument.Parse(File.ReadAllText(Golden("sdxl_comfyui_table.json")));
        int compared = 0;
        foreach (JsonProperty entry in table.RootElement.GetProperty("diffusers_to_sgm").EnumerateObject())
        {
            string name = entry.Name[..^".weight".Length];

            // SDXL has no classes, and normalisations have no adapters.
            if (!name.StartsWith("class_embedding", StringComparison.Ordinal) && !name.Contains("norm", StringComparison.Ordinal))
            {
                Assert.Equal(name, UnetNames.Of(entry.Value.GetString()![..^".weight".Length]));
                compared++;
            }
        }

        Assert.InRange(compared, 100, int.MaxValue);
    }

    private static string Golden(params string[] path) => Repository.Shared(["golden2", "names", .. path]);
}
